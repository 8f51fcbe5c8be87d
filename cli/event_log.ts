/** What a training measures, as an event file of TensorBoard in the folder of its run. */
import { appendFile } from "../core/host/files.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import { eventsStart, scalars } from "../export/tensorboard.ts";
import type { RunOptions } from "../training/run_options.ts";

/** What `--log` knows. */
export const LOGS = ["tensorboard"] as const;

/**
 * Writes what is new into a file of its own for each start; `from` is the step at which a run goes on, 0 of a new one.
 * `now` tells seconds. Throws `UserError` where it cannot be written.
 */
export function eventLog(
  folder: string,
  from: number,
  now = () => Date.now() / 1000,
): NonNullable<RunOptions["record"]> {
  const path = `${folder}/events.out.tfevents.${Math.floor(now()).toString().padStart(10, "0")}.allcnn`;
  let step = from === 0 ? -1 : from, epoch: number | null = null, started = false;
  return async (steps, epochs) => {
    const parts = started ? [] : eventsStart(now(), from);
    started = true;
    for (const row of steps.filter((row) => row.step > step)) {
      parts.push(scalars(now(), row.step, { "loss/train": row.loss, "error/train": row.error }));
      step = row.step;
    }
    const last = epochs.at(-1);
    if (last !== undefined && (epoch === null || last.epoch > epoch)) {
      parts.push(scalars(now(), step, valuesOf(last)));
      epoch = last.epoch;
    }
    if (parts.length > 0) await appendFile(path, parts);
  };
}

const valuesOf = ({ epoch, learningRate, imagesPerSecond, testLoss, testError }: EpochMetrics) => ({
  epoch,
  learning_rate: learningRate,
  images_per_second: imagesPerSecond,
  ...(testLoss === null || testError === null ? {} : { "loss/test": testLoss, "error/test": testError }),
});
