import { submit } from "../core/device/run_plans.ts";
import type { Tuner } from "../core/graph/tuner.ts";
import type { Examples } from "./examples.ts";
import { compileEvaluation, type Evaluation, type Session } from "./session.ts";
import { compileStep, destroyStep, SAME_EACH_TIME, submissionsOf, type TrainingStep } from "./training_step.ts";

/** What a training runs, compiled, and on which examples. */
export interface TrainingPlans {
  readonly train: Examples;
  readonly step: TrainingStep;
  /** Null where there is nothing to evaluate on. */
  readonly evaluation: Evaluation | null;
}

/** Of the shaders of a training, those of its step. */
const STEP_SHARE = 0.8;

/**
 * Compiles a training on `train` and the evaluations on `test` between its epochs, the step with a tuner of its own where
 * one is given. Throws `UserError` where the memory of the device does not suffice.
 */
export async function compileTraining(
  session: Session,
  { train, test }: { readonly train: Examples; readonly test: Examples | null },
  { tuner = session.tuner, stepTuner = tuner, microBatch = null, report = () => {} }: {
    readonly tuner?: Tuner;
    readonly stepTuner?: Tuner;
    readonly microBatch?: number | null;
    readonly report?: (what: string, done: number) => void;
  } = {},
): Promise<TrainingPlans> {
  const share = test === null ? 1 : STEP_SHARE, tell = (done: number) => report("Compiling shaders", done);
  tell(0);
  const step = await compileStep(session, train, {
    tuner: stepTuner,
    microBatch,
    onCompiled: (done) => tell(share * done),
  });
  try {
    if (test === null) return { train, step, evaluation: null };
    const onCompiled = (done: number) => tell(share + (1 - share) * done);
    return { train, step, evaluation: await compileEvaluation(session, test, tuner, onCompiled) };
  } catch (error) {
    destroyStep(step);
    throw error;
  }
}

/** Runs everything once, since some drivers compile at the first dispatch. Parameters and state are to be set afterwards. */
export async function warmUp(session: Session, { step, evaluation }: TrainingPlans): Promise<void> {
  const data = SAME_EACH_TIME;
  submit(session, submissionsOf(session, step, data));
  if (evaluation !== null) submit(session, [{ plans: [evaluation.plan], data }]);
  await session.context.device.queue.onSubmittedWorkDone();
}

/** Frees the transient memory. */
export function destroyTraining({ step, evaluation }: TrainingPlans): void {
  destroyStep(step);
  evaluation?.plan.destroy();
}
