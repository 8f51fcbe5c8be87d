/**
 * Picks the examples of a batch out of a data set that stays on the GPU, in the order of the epoch:
 *
 *   x[n] = augment(images[order[first + n]])     labels[n] = all_labels[order[first + n]]
 *
 * `first` comes from the step buffer. A data set larger than one binding lies in chunks of whole rows; one dispatch
 * per chunk writes the examples that lie in it. Past the end of the data, examples are zero, labels NO_LABEL and targets
 * NO_TARGET.
 *
 * The augmentation (paper 3.2) pads `pad` zeros around the image, draws a crop of the image's size, and mirrors it
 * with probability 1/2: the draw depends on (seed, step, first + n), so parts of a batch draw as the whole does. One
 * thread per element.
 */
import { elementwise, f32, RANDOM, STEP } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";
import { NO_LABEL, NO_TARGET } from "../labels.ts";

/** Which batch is picked out of which part of a data set. */
export interface GatherProblem {
  /** Examples to pick. */
  readonly batch: number;
  /** Rows of an image. */
  readonly height: number;
  /** Columns of an image. */
  readonly width: number;
  /** Channels of an image. */
  readonly channels: number;
  /** Places in the order of an epoch: the examples of the data set, or more, where some of them come twice. */
  readonly places: number;
  /** The rows of the data set that this chunk holds. */
  readonly chunk: { readonly first: number; readonly rows: number };
  /** Zeros around the image, mirroring, and the stream of random numbers; null: images as they are. */
  readonly augment: { readonly pad: number; readonly flip: boolean; readonly stream: number } | null;
}

const DECLARATIONS = `@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> step: Step;`;

/** Reads a chunk of images, the order (u32) and the step buffer; writes x. */
export const gather: Kernel<GatherProblem, Fixed> = {
  name: "gather",
  tunings: () => FIXED,
  stages({ batch, height, width, channels, places, chunk, augment }) {
    const elements = height * width * channels;
    const last = chunk.first + chunk.rows >= places;
    const source = augment === null ? `value = images[row * ${elements}u + e];` : `
    let key = random_key(step.seed, step.step, ${augment.stream}u);
    let c = e % ${channels}u;
    var sx = i32((e / ${channels}u) % ${width}u);
    let sy = i32(e / ${channels * width}u) - ${augment.pad} + i32(random_u32(key, 3u * at) % ${2 * augment.pad + 1}u);
    ${augment.flip ? `if ((random_u32(key, 3u * at + 2u) & 1u) == 1u) { sx = ${width - 1} - sx; }` : ""}
    sx += i32(random_u32(key, 3u * at + 1u) % ${2 * augment.pad + 1}u) - ${augment.pad};
    if (sx >= 0 && sx < ${width} && sy >= 0 && sy < ${height}) {
      value = images[row * ${elements}u + (u32(sy) * ${width}u + u32(sx)) * ${channels}u + c];
    }`;
    const shader = elementwise(
      batch * elements,
      `${STEP}${augment === null ? "" : RANDOM}
@group(0) @binding(0) var<storage, read> images: array<f32>;
${DECLARATIONS}
@group(0) @binding(3) var<storage, read_write> x: array<f32>;`,
      `  let n = i / ${elements}u;
  let e = i % ${elements}u;
  let at = step.first + n;
  var value = 0.0;
  if (at < ${places}u) {
    let row = order[at] - ${chunk.first}u; // wraps around below the window, so one comparison does
    if (row >= ${chunk.rows}u) { return; }
    ${source}
  } else if (${!last}) { return; }
  x[i] = value;`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), read(2), write(0)] }] };
  },
  cost: ({ batch, height, width, channels }) => ({ flops: 0, bytes: 8 * batch * height * width * channels }),
};

/** Reads all targets (f32, `width` for each example), the order and the step buffer; writes those of the batch. */
export const gatherTargets: Kernel<
  { readonly batch: number; readonly places: number; readonly width: number },
  Fixed
> = {
  name: "gather_targets",
  tunings: () => FIXED,
  stages({ batch, places, width }) {
    const shader = elementwise(
      batch * width,
      `${STEP}
@group(0) @binding(0) var<storage, read> all_targets: array<f32>;
${DECLARATIONS}
@group(0) @binding(3) var<storage, read_write> targets: array<f32>;`,
      `  let at = step.first + i / ${width}u;
  var target_value = ${f32(NO_TARGET)};
  if (at < ${places}u) { target_value = all_targets[order[at] * ${width}u + i % ${width}u]; }
  targets[i] = target_value;`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), read(2), write(0)] }] };
  },
  cost: ({ batch, width }) => ({ flops: 0, bytes: 8 * batch * width }),
};

/** Reads all labels (u32), the order and the step buffer; writes the labels of the batch. */
export const gatherLabels: Kernel<{ readonly batch: number; readonly places: number }, Fixed> = {
  name: "gather_labels",
  tunings: () => FIXED,
  stages({ batch, places }) {
    const shader = elementwise(
      batch,
      `${STEP}
@group(0) @binding(0) var<storage, read> all_labels: array<u32>;
${DECLARATIONS}
@group(0) @binding(3) var<storage, read_write> labels: array<u32>;`,
      `  let at = step.first + i;
  var label = ${NO_LABEL}u;
  if (at < ${places}u) { label = all_labels[order[at]]; }
  labels[i] = label;`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), read(2), write(0)] }] };
  },
  cost: ({ batch }) => ({ flops: 0, bytes: 8 * batch }),
};
