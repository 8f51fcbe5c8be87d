/** Mixed precision while training: what a user is told of it, and its loss scale. */
import { INITIAL_LOSS_SCALE, type LossScale, writeLossScale } from "../core/device/loss_scale_buffer.ts";
import type { Limits } from "../kernels/kernel.ts";
import type { Precision, Session } from "./session.ts";

/** One line where a device has not the precision that is asked for, else null. */
export function precisionNote(precision: Precision, { f16 = false }: Limits): string | null {
  return precision === "f32" || f16
    ? null
    : "precision f16: this device has no shader-f16 (on NVIDIA, safe mode hides it), training in float32";
}

/** Sets the loss scale of a session in mixed precision; does nothing to others. */
export async function setLossScale({ context, buffers, lossScale }: Session, value: LossScale = INITIAL_LOSS_SCALE) {
  if (lossScale !== null) await writeLossScale(context, buffers, lossScale, value);
}
