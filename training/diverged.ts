/** A training that cannot go on: what is wrong, and what to try. */
import { DivergedError } from "../core/host/errors.ts";
import type { LossScale } from "../core/device/loss_scale_buffer.ts";
import type { Session } from "./session.ts";

/** Throws `DivergedError` where the loss is no number any more; the checkpoint before it stays. */
export function checkFinite({ baseRate, lossScale }: Session, [loss]: readonly number[], step: number): void {
  if (Number.isFinite(loss)) return;
  throw new DivergedError(
    `The loss became ${loss} before step ${step}`,
    ({ learningRate, float32 }) =>
      "the last good checkpoint is kept; try a smaller learning rate" +
      (baseRate === null ? "" : `, as ${learningRate(baseRate / 5)}`) +
      (lossScale === null ? "" : `, or ${float32}, since half precision ends at 65504`),
  );
}

/** Throws `DivergedError` where all `steps` updates of an epoch, counted from 0, were skipped. */
export function checkUpdates(lossScale: LossScale | null, epoch: number, steps: number): void {
  if (lossScale?.skipped !== steps) return;
  throw new DivergedError(
    `All ${steps} updates of epoch ${epoch + 1} were skipped, since gradients overflow in half precision`,
    ({ float32 }) => `the last good checkpoint is kept; activations may exceed 65504: try ${float32}`,
  );
}
