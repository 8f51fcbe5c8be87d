/**
 * Draws how each image of a batch is distorted (paper, Large All-CNN, after Graham 2015), as the numbers that
 * kernels/data/place_on_canvas.ts applies. The image's centre is the origin, x to the right and y downwards, in pixels. A
 * point (x, y) of the image goes, in this order, through
 *
 *   stretch   x = x * (1 + U(-stretch, stretch))      y = y * (1 + U(-stretch, stretch))
 *   flip      x = -x with probability 1/2
 *   one of three with equal probability, with a = U(-shearOrRotation, shearOrRotation):
 *     shear x   x = x + a * y
 *     shear y   y = y + a * x
 *     rotation  (x, y) = (x * cos a + y * sin a, y * cos a - x * sin a)
 *   shift     x = x + U{-shift ... shift}             y = y + U{-shift ... shift}, whole pixels
 *
 * and each channel of a pixel that lands (u, v) from the shifted centre becomes, with four draws per channel,
 *
 *   value + N(0, offset) + N(0, contrast) * (value - background) + N(0, gradientX) * u + N(0, gradientY) * v
 *
 * where N(0, s) is normal of deviation s. Stored per image: the inverse of the linear part by rows (4 numbers), the
 * shift (2), and per channel its four draws.
 *
 * The draws are a function of (seed, step, row of the example in the data set) alone, not of its place in the batch.
 * Where `distorting` is 0, or nothing is to be distorted, the identity is stored. One thread per image.
 */
import { elementwise, f32, NORMAL, RANDOM, STEP, unroll } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** Ranges and deviations; those of colours in the units of the stored images. */
export interface Distortion {
  /** Width and height are multiplied by 1 + U(-stretch, stretch) each. */
  readonly stretch: number;
  /** Mirror left to right with probability 1/2? */
  readonly flip: boolean;
  /** A coefficient of shear, or radians. */
  readonly shearOrRotation: number;
  /** Pixels. */
  readonly shift: number;
  /** Deviations of the four normal draws of each channel. */
  readonly color: {
    /** Of what is added. */
    readonly offset: number;
    /** Of the factor of (value - background) that is added. */
    readonly contrast: number;
    /** Per pixel. */
    readonly gradientX: number;
    readonly gradientY: number;
  };
}

/** What is drawn for. */
export interface DrawDistortionsProblem {
  /** Images. */
  readonly batch: number;
  /** Channels of an image. */
  readonly channels: number;
  /** Places in the order of an epoch: the examples of the data set, or more, where some of them come twice. */
  readonly places: number;
  /** What is drawn, and the stream of random numbers; null: nothing, so the identity is stored. */
  readonly distortion: (Distortion & { readonly stream: number }) | null;
}

/** Numbers stored per image. */
export const distortionSize = (channels: number): number => 6 + 4 * channels;

/** Draws per image: 7 for its geometry, padded to 8, and two for each normal number. */
const drawsOf = (channels: number) => 8 + 8 * channels;

/** Code that stores the identity for image `i`. */
const identity = (channels: number) =>
  unroll(distortionSize(channels), (at) => `  distortions[d + ${at}u] = ${at === 0 || at === 3 ? "1.0" : "0.0"};`);

type Drawn = NonNullable<DrawDistortionsProblem["distortion"]>;

/** Code that draws for image `i`, the `at`-th of the epoch, and stores at `d`. */
function drawn(channels: number, places: number, distortion: Drawn): string {
  const { stretch, flip, shearOrRotation, shift, color, stream } = distortion;
  const deviations = [color.offset, color.contrast, color.gradientX, color.gradientY];
  const shifts = 2 * shift + 1;
  return `  if (distorting[0] == 0u || at >= ${places}u) { return; }
  let key = random_key(step.seed, step.step, ${stream}u);
  let first = order[at] * ${drawsOf(channels)}u;
  let stretch_x = 1.0 + symmetric(key, first, ${f32(stretch)});
  let stretch_y = 1.0 + symmetric(key, first + 1u, ${f32(stretch)});
  let mirror = ${flip ? "select(1.0, -1.0, (random_u32(key, first + 2u) & 1u) == 1u)" : "1.0"};
  let kind = random_u32(key, first + 3u) % 3u;
  let a = symmetric(key, first + 4u, ${f32(shearOrRotation)});
  var row_x = vec2f(1.0, select(0.0, -a, kind == 0u));
  var row_y = vec2f(select(0.0, -a, kind == 1u), 1.0);
  if (kind == 2u) {
    row_x = vec2f(cos(a), -sin(a));
    row_y = vec2f(sin(a), cos(a));
  }
  row_x /= stretch_x * mirror;
  row_y /= stretch_y;
  distortions[d] = row_x.x;
  distortions[d + 1u] = row_x.y;
  distortions[d + 2u] = row_y.x;
  distortions[d + 3u] = row_y.y;
  distortions[d + 4u] = f32(i32(random_u32(key, first + 5u) % ${shifts}u) - ${shift});
  distortions[d + 5u] = f32(i32(random_u32(key, first + 6u) % ${shifts}u) - ${shift});
${
    unroll(4 * channels, (index) =>
      `  distortions[d + ${6 + index}u] = ${f32(deviations[index % 4]!)} * random_normal(key, first / 2u + ${
        4 + index
      }u);`)
  }`;
}

/** Reads the order, the step buffer and the switch `distorting` (u32 [1]); writes [batch, distortionSize(channels)]. */
export const drawDistortions: Kernel<DrawDistortionsProblem, Fixed> = {
  name: "draw_distortions",
  tunings: () => FIXED,
  stages({ batch, channels, places, distortion }) {
    const bindings = distortion === null ? [write(0)] : [read(0), read(1), read(2), write(0)];
    const declarations = distortion === null ? "" : `${STEP}${RANDOM}${NORMAL}
@group(0) @binding(0) var<storage, read> order: array<u32>;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> distorting: array<u32>;
fn symmetric(key: u32, index: u32, range: f32) -> f32 { return range * (2.0 * random_unit(key, index) - 1.0); }`;
    const shader = elementwise(
      batch,
      `${declarations}
@group(0) @binding(${bindings.length - 1}) var<storage, read_write> distortions: array<f32>;`,
      `  let d = i * ${distortionSize(channels)}u;
${identity(channels)}
${distortion === null ? "" : `  let at = step.first + i;\n${drawn(channels, places, distortion)}`}`,
    );
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost: ({ batch, channels }) => ({ flops: 0, bytes: 4 * batch * distortionSize(channels) }),
};
