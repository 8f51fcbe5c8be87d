/**
 * Unpacks a batch of images that came to the device as bytes, four to a u32:
 *
 *   x[n] = (bytes[first % rows + n] - subtract[channel]) / divide     labels[n] = all_labels[first % rows + n]
 *
 * The bytes are those of one whole batch of `rows` images; `first`, from the step buffer, is the index in the epoch of
 * this program's first example, so that the parts of a batch find theirs. One thread per element.
 */
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";
import { elementwise, f32, STEP } from "../wgsl.ts";

/** The bytes, and what becomes of them. */
export interface UnpackProblem {
  /** Images that this program takes. */
  readonly batch: number;
  /** Rows of an image. */
  readonly height: number;
  /** Columns of an image. */
  readonly width: number;
  /** Channels of an image. */
  readonly channels: number;
  /** Images in the bytes, a multiple of `batch`. */
  readonly rows: number;
  /** Of each channel. */
  readonly subtract: readonly number[];
  /** Of all channels. */
  readonly divide: number;
}

const DECLARATIONS = `${STEP}
@group(0) @binding(1) var<storage, read> step: Step;`;

/** Reads bytes (u32) and the step buffer, writes x [batch, height, width, channels]. */
export const unpack: Kernel<UnpackProblem, Fixed> = {
  name: "unpack",
  tunings: () => FIXED,
  stages({ batch, height, width, channels, rows, subtract, divide }) {
    const size = height * width * channels;
    const shader = elementwise(
      batch * size,
      `${DECLARATIONS}
@group(0) @binding(0) var<storage, read> bytes: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;`,
      `  let at = (step.first % ${rows}u) * ${size}u + i;
  let value = f32((bytes[at / 4u] >> (8u * (at % 4u))) & 255u);
  var subtract = array<f32, ${channels}>(${subtract.map(f32).join(", ")});
  x[i] = (value - subtract[i % ${channels}u]) / ${f32(divide)};`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
  },
  cost: ({ batch, height, width, channels }) => {
    const elements = batch * height * width * channels;
    return { flops: 2 * elements, bytes: 5 * elements };
  },
};

/** Reads the labels (u32) of a whole batch and the step buffer, writes those of this program's examples. */
export const unpackLabels: Kernel<Pick<UnpackProblem, "batch" | "rows">, Fixed> = {
  name: "unpack_labels",
  tunings: () => FIXED,
  stages({ batch, rows }) {
    const shader = elementwise(
      batch,
      `${DECLARATIONS}
@group(0) @binding(0) var<storage, read> all_labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> labels: array<u32>;`,
      `  labels[i] = all_labels[step.first % ${rows}u + i];`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
  },
  cost: ({ batch }) => ({ flops: 0, bytes: 8 * batch }),
};
