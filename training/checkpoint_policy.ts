/** When a training is saved. */

/**
 * A moment at which it may be: before the first step of a new run; after a step; before an evaluation, which may take
 * long; where it is interrupted; after the last epoch.
 */
export type Moment = "start" | "step" | "evaluation" | "interruption" | "end";

/** Decides whether a checkpoint is due, by the age of the last one. */
export interface CheckpointPolicy {
  due(moment: Moment): boolean;
  /** All is saved now. */
  saved(): void;
}

/** `minutes` may pass between two checkpoints of an epoch; `now` tells milliseconds. */
export function checkpointPolicy(minutes: number, now = () => performance.now()): CheckpointPolicy {
  let last = now();
  /** Seconds without a checkpoint after which one is due. */
  const age: Readonly<Record<Moment, number>> = {
    start: 0,
    step: 60 * minutes,
    evaluation: 30,
    interruption: 0,
    end: 0,
  };
  return {
    due: (moment) => now() - last >= 1000 * age[moment],
    saved: () => void (last = now()),
  };
}
