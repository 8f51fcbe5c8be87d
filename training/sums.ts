/** The running sums of an epoch, which the steps of a plan add to on the device: loss, errors, examples, unused. */
import { decodeLossScale, type LossScale } from "../core/device/loss_scale_buffer.ts";
import { readTensors, writeTensor } from "../core/device/transfer.ts";
import type { Session } from "./session.ts";

/** What an epoch begins with. */
export const NO_SUMS: readonly number[] = [0, 0, 0, 0];

export async function writeSums({ context, buffers, metrics }: Session, sums: readonly number[]): Promise<void> {
  await writeTensor(context, buffers, metrics, Float32Array.from(sums));
}

/** The running sums and, in mixed precision, the loss scale. Waits for the device. */
export async function readSums(
  { context, buffers, metrics, lossScale }: Session,
): Promise<{ sums: readonly number[]; lossScale: LossScale | null }> {
  const [sums, scale] = await readTensors(context, buffers, lossScale === null ? [metrics] : [metrics, lossScale]);
  return { sums: Array.from(new Float32Array(sums!)), lossScale: scale === undefined ? null : decodeLossScale(scale) };
}

/** Mean loss in nats and error in percent. */
export function meansOf([loss, errors, examples]: readonly number[]): { loss: number; error: number } {
  return { loss: loss! / examples!, error: 100 * errors! / examples! };
}
