/** When a training is saved. */

/**
 * A moment at which it may be: before the first step of a new run; after a step; before an evaluation, which may take
 * long; where it is interrupted; after the last epoch.
 */
export type Moment = "start" | "step" | "evaluation" | "interruption" | "end";

/** Decides whether a checkpoint is due, by the seconds since the last one; `now` tells milliseconds. */
export function checkpointPolicy(minutes: number, now = () => performance.now()) {
  const age = { start: 0, step: 60 * minutes, evaluation: 30, interruption: 0, end: 0 };
  let last = now();
  return {
    due: (moment: Moment) => now() - last >= 1000 * age[moment],
    /** All is saved now. */
    saved: () => void (last = now()),
  };
}
