/** How loss and error go within epochs: the rows of steps.jsonl. */
import type { StepMetrics } from "../report/metrics.ts";
import { meansOf, NO_SUMS } from "./sums.ts";

/** About this many rows of an epoch, where it is not over sooner: more than a picture shows, and a file of kilobytes. */
const PER_EPOCH = 50;

/** The running sums of an epoch after a step. */
interface Place {
  readonly step: number;
  readonly sums: readonly number[];
}

/** Goes on behind the rows of a run whose checkpoint is at `start`; `steps` are those of an epoch. */
export function stepLog(before: readonly StepMetrics[], start: Place, steps: number) {
  const rows = before.filter(({ step }) => step <= start.step), least = Math.ceil(steps / PER_EPOCH);
  let last = start;
  return {
    rows: rows as readonly StepMetrics[],
    /** Enough steps since the last row? */
    due: (step: number) => step - last.step >= least,
    /** A row of the steps since the last one. */
    add(step: number, sums: readonly number[]) {
      if (step === last.step) return;
      const own = sums.map((sum, i) => sum - last.sums[i]!);
      if (own[2]! > 0) rows.push({ step, ...meansOf(own) }); // of pictures, all may have been unreadable
      last = { step, sums };
    },
    /** The running sums start from 0 again. */
    startEpoch() {
      last = { ...last, sums: NO_SUMS };
    },
  };
}
