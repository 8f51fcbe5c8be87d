/** What is shown while a training runs, and when. */
import { type Length, stepsBefore, stepsIn } from "./length.ts";
import { meansOf } from "./sums.ts";

/** Where training stands: shown while it runs. */
export interface Status {
  /** The number of the epoch, from 1. */
  readonly epoch: number;
  /** How many there are. */
  readonly epochs: number;
  /** Steps done in this epoch, of `steps`. */
  readonly step: number;
  /** Steps of an epoch. */
  readonly steps: number;
  /** Running means of this epoch. */
  readonly loss: number;
  /** Percent of examples that counted as errors. */
  readonly error: number;
  /** Training examples per second, in this epoch. */
  readonly imagesPerSecond: number;
  /** Seconds until the last epoch ends, at this speed. */
  readonly secondsLeft: number;
  /** Share of the test examples that the evaluation has seen, or null while training. */
  readonly evaluated: number | null;
}

/** Seconds between two looks at the running sums; each waits for the device. */
const STATUS_SECONDS = 0.5;

/** Decides after each step whether to look at the running sums; `now` tells milliseconds. */
export function statusPolicy(now = () => performance.now()) {
  let last = now();
  return {
    due: () => now() - last > 1000 * STATUS_SECONDS,
    /** Counts from now: an epoch begins, or the sums were read. */
    restart: () => void (last = now()),
  };
}

/** The status after `done` steps of an epoch (counted from 0), of which `sums` are the running sums. */
export function statusOf(
  length: Length,
  { batch, epoch, done, sums, seconds }: {
    readonly batch: number;
    readonly epoch: number;
    readonly done: number;
    readonly sums: readonly number[];
    /** That the steps of this epoch took. */
    readonly seconds: number;
  },
): Status {
  const imagesPerSecond = done * batch / seconds;
  return {
    epoch: epoch + 1,
    epochs: length.epochs,
    step: done,
    steps: stepsIn(length, epoch),
    ...meansOf(sums),
    imagesPerSecond,
    secondsLeft: (length.steps - stepsBefore(length, epoch) - done) * batch / imagesPerSecond,
    evaluated: null,
  };
}
