/** The loss scale of mixed precision (kernels/train/loss_scale.ts) on the host: its buffer, and what of it a run keeps. */
import type { Context } from "./device.ts";
import type { Buffers } from "./plan.ts";
import { type Tensor, tensor } from "../graph/tensor.ts";
import { writeTensor } from "./transfer.ts";

/** Between two steps; the flag of an overflow is down then. */
export interface LossScale {
  /** What the loss is multiplied by. */
  readonly scale: number;
  /** Updates since the scale changed, or since an update was skipped. */
  readonly good: number;
  /** Updates of this epoch that were skipped. */
  readonly skipped: number;
}

/** Of a new training: what PyTorch's torch.amp.GradScaler starts with. */
export const INITIAL_LOSS_SCALE: LossScale = { scale: 2 ** 16, good: 0, skipped: 0 };

/** The loss scale's buffer: scale (f32), good and skipped updates, the flag of an overflow (u32). */
export function lossScaleTensor(): Tensor {
  return tensor("loss scale", [4], { dtype: "u32", lifetime: "persistent" });
}

/** The 16 bytes of the buffer as numbers. */
export function decodeLossScale(bytes: ArrayBuffer): LossScale {
  const [, good, skipped] = new Uint32Array(bytes);
  return { scale: new Float32Array(bytes)[0]!, good: good!, skipped: skipped! };
}

/** Writes the buffer, creating it where there is none. */
export async function writeLossScale(
  context: Context,
  buffers: Buffers,
  target: Tensor,
  { scale, good, skipped }: LossScale,
): Promise<void> {
  const words = new Uint32Array([0, good, skipped, 0]);
  new Float32Array(words.buffer)[0] = scale;
  await writeTensor(context, buffers, target, words);
}
