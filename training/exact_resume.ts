/** What a resumed run must share with the run so far to end with the same bytes. */
import type { Context } from "../core/device/device.ts";
import { fixedTuner, type Tuner } from "../core/graph/tuner.ts";
import { type Told, UserError } from "../core/host/errors.ts";
import type { Resumed, RunOptions } from "./run_options.ts";
import { kernelsOf, type TrainingStep } from "./training_step.ts";

/** Going on would need other kernels, which round differently. */
export class NotExactError extends UserError {
  override readonly name = "NotExactError";

  constructor(why: Told) {
    super((words) =>
      `Cannot resume byte-exactly: ${typeof why === "string" ? why : why(words)}; ${words.otherKernels}`
    );
  }
}

/** The tuner of a new run, `otherwise`, or the one that replays a resumed run's tunings. */
export function tunerFor(
  { scope, limits }: Context,
  { allowRetune }: RunOptions,
  resumed: Resumed | null,
  otherwise: Tuner,
): Tuner {
  if (resumed === null || allowRetune) return otherwise;
  if (resumed.checkpoint.scope !== scope) {
    throw new NotExactError(({ deviceOptions }) =>
      `the run was made on another device or driver, or with other ${deviceOptions}`
    );
  }
  return fixedTuner(resumed.checkpoint.tunings, limits, otherwise);
}

/** The micro-batches of a resumed run, unless others are asked for. */
export function microBatchOf({ microBatch, allowRetune }: RunOptions, resumed: Resumed | null): number | null {
  const before = resumed?.checkpoint.microBatch ?? null;
  if (before !== null && microBatch !== null && microBatch !== before && !allowRetune) {
    throw new NotExactError(`the run has micro-batches of ${before}, not ${microBatch}`);
  }
  return microBatch ?? (allowRetune ? null : before);
}

/** Refuses a step that the run's shaders have not computed so far. */
export function checkShaders(step: TrainingStep, { allowRetune }: RunOptions, resumed: Resumed | null): void {
  const { shaders } = kernelsOf(step), before = resumed?.checkpoint.shaders || shaders; // empty in an initial state
  // Up to version 0.2.0 a checkpoint of micro-batches left the update's shaders out.
  if (before !== shaders && before !== step.plan.shaders && !allowRetune) {
    throw new NotExactError("this version generates other shaders");
  }
}
