/** Mixed precision while training: what a user is told of it, and its loss scale beside the running sums. */
import {
  decodeLossScale,
  INITIAL_LOSS_SCALE,
  type LossScale,
  writeLossScale,
} from "../core/device/loss_scale_buffer.ts";
import { readTensors } from "../core/device/transfer.ts";
import type { Limits } from "../kernels/kernel.ts";
import type { Precision, Session } from "./session.ts";

/** One line where a device has not the precision that is asked for, else null. */
export function precisionNote(precision: Precision, { f16 = false }: Limits): string | null {
  return precision === "f32" || f16
    ? null
    : "precision f16: this device has no shader-f16 (on NVIDIA, --safe hides it), training in float32";
}

/** Sets the loss scale of a session in mixed precision; does nothing to others. */
export async function setLossScale({ context, buffers, lossScale }: Session, value: LossScale = INITIAL_LOSS_SCALE) {
  if (lossScale !== null) await writeLossScale(context, buffers, lossScale, value);
}

/** The running sums (loss, errors, examples, unused) and, in mixed precision, the loss scale. Waits for the device. */
export async function readSums(
  { context, buffers, metrics, lossScale }: Session,
): Promise<{ sums: readonly number[]; lossScale: LossScale | null }> {
  const [sums, scale] = await readTensors(context, buffers, lossScale === null ? [metrics] : [metrics, lossScale]);
  return { sums: Array.from(new Float32Array(sums!)), lossScale: scale === undefined ? null : decodeLossScale(scale) };
}
