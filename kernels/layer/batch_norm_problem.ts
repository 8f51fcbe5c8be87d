/** What the kernels of a batch normalization are given, and what they cost. */
import { elementBytes, type FloatType } from "../dtype.ts";

/** Activations, as rows of channels. */
export interface BatchNormProblem {
  /** Batch times height times width. */
  readonly rows: number;
  /** Channels, each of which is normalized. */
  readonly channels: number;
  /** Of x, y and their gradients; all else is f32. Absent: f32. */
  readonly dtype?: FloatType;
}

/** Operations for each element, and the arrays that are passed over. */
export const batchNormCost = (flops: number, arrays: number) => ({ rows, channels, dtype }: BatchNormProblem) => ({
  flops: flops * rows * channels,
  bytes: arrays * elementBytes(dtype) * rows * channels,
});
