/**
 * Places the images of a batch, which stay small on the GPU, in the middle of a larger square canvas, distorted by what
 * kernels/data/draw_distortions.ts drew. For pixel (X, Y) of the canvas, with the centre (cx, cy) of the undistorted image,
 * the shift (sx, sy) and the inverse matrix m:
 *
 *   (u, v) = (X - cx - sx, Y - cy - sy)            (px, py) = m * (u, v) + centre of the stored image
 *   x[n, Y, X, c] = background + (1 + contrast[c]) * sum over the four neighbours of (px, py) that exist of
 *                     weight * (value - background)
 *                   + (offset[c] + gradientX[c] * u + gradientY[c] * v) * sum of their weights
 *
 * The weights are bilinear and sum to 1 over all four neighbours, so outside of the image the canvas is background, and
 * the colours change with the share of a pixel that the image covers: its soft edge stays soft. Nothing is clipped, as
 * in Graham's code. An undistorted image lies on whole pixels and is copied.
 *
 * Examples are picked as kernels/data/gather.ts does, one dispatch per chunk of the data; past the end of the data they are
 * zero. One thread per element.
 */
import { distortionSize } from "./draw_distortions.ts";
import type { GatherProblem } from "./gather.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";
import { elementwise, f32, STEP, unroll } from "../wgsl.ts";

/** Which batch is placed on which canvas. */
export interface PlaceOnCanvasProblem extends Omit<GatherProblem, "augment"> {
  /** Height and width of the canvas, at least those of the images. */
  readonly size: number;
  /** Where the first row and column of an undistorted image lie on the canvas. */
  readonly top: number;
  /** As `top`, of columns. */
  readonly left: number;
  /** The value around the image, in the units of the stored images. */
  readonly background: number;
}

/** Reads a chunk of images, the order (u32), the step buffer and the distortions; writes x. */
export const placeOnCanvas: Kernel<PlaceOnCanvasProblem, Fixed> = {
  name: "place_on_canvas",
  tunings: () => FIXED,
  stages({ batch, height, width, channels, places, chunk, size, top, left, background }) {
    const elements = size * size * channels;
    const last = chunk.first + chunk.rows >= places;
    const middle = { x: (width - 1) / 2, y: (height - 1) / 2 };
    const shader = elementwise(
      batch * elements,
      `${STEP}
@group(0) @binding(0) var<storage, read> images: array<f32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> step: Step;
@group(0) @binding(3) var<storage, read> distortions: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<f32>;
const background = ${f32(background)};`,
      `  let n = i / ${elements}u;
  let e = i % ${elements}u;
  let at = step.first + n;
  if (at >= ${places}u) {
    ${last ? "x[i] = 0.0;" : ""}
    return;
  }
  let row = order[at] - ${chunk.first}u; // wraps around below the window, so one comparison does
  if (row >= ${chunk.rows}u) { return; }
  let d = n * ${distortionSize(channels)}u;
  let c = e % ${channels}u;
  let u = f32((e / ${channels}u) % ${size}u) - ${f32(left + middle.x)} - distortions[d + 4u];
  let v = f32(e / ${size * channels}u) - ${f32(top + middle.y)} - distortions[d + 5u];
  let px = distortions[d] * u + distortions[d + 1u] * v + ${f32(middle.x)};
  let py = distortions[d + 2u] * u + distortions[d + 3u] * v + ${f32(middle.y)};
  var sum = 0.0;
  var cover = 0.0;
  if (px > -1.0 && px < ${f32(width)} && py > -1.0 && py < ${f32(height)}) {
    let column = i32(floor(px));
    let line = i32(floor(py));
    let right_share = px - floor(px);
    let bottom_share = py - floor(py);
${
        unroll(4, (index) => {
          const right = index % 2 === 1, bottom = index >= 2;
          return `    {
      let sx = column${right ? " + 1" : ""};
      let sy = line${bottom ? " + 1" : ""};
      if (sx >= 0 && sx < ${width} && sy >= 0 && sy < ${height}) {
        let weight = ${right ? "right_share" : "(1.0 - right_share)"} * ${
            bottom ? "bottom_share" : "(1.0 - bottom_share)"
          };
        let pixel = row * ${height * width}u + u32(sy) * ${width}u + u32(sx);
        sum += weight * (images[pixel * ${channels}u + c] - background);
        cover += weight;
      }
    }`;
        })
      }
  }
  let color = d + 6u + 4u * c;
  let change = distortions[color] + distortions[color + 2u] * u + distortions[color + 3u] * v;
  x[i] = background + (1.0 + distortions[color + 1u]) * sum + change * cover;`,
    );
    const bindings = [read(0), read(1), read(2), read(3), write(0)];
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost: ({ batch, height, width, channels, size }) => ({
    flops: 40 * batch * size * size * channels,
    bytes: 4 * batch * channels * (size * size + height * width),
  }),
};
