import { type Tensor, tensor } from "./tensor.ts";

/** The data that changes between steps; the layout is `STEP` of kernels/wgsl.ts. */
export interface StepData {
  readonly step: number;
  readonly seed: number;
  readonly learningRate: number;
  /** Index, in the epoch's order, of the first example of the batch. */
  readonly first: number;
}

export function stepTensor(): Tensor {
  return tensor("step", [4], { dtype: "u32", lifetime: "persistent" });
}

/** Is this the step buffer? Its contents are not just numbers, so whoever runs an op alone must know. */
export function isStep({ dtype, shape, buffer }: Tensor): boolean {
  return dtype === "u32" && shape.length === 1 && shape[0] === 4 && buffer.label === "step";
}

/** The 16 bytes of the step buffer. */
export function encodeStep({ step, seed, learningRate, first }: StepData): Uint32Array<ArrayBuffer> {
  const bytes = new Uint32Array([step, seed, 0, first]);
  new Float32Array(bytes.buffer)[2] = learningRate;
  return bytes;
}
