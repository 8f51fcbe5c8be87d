/** The training loop: epochs, evaluations between them, and checkpoints, from any of which it goes on exactly. */
import { planLoop } from "../core/device/run_plans.ts";
import type { EpochMetrics, StepMetrics } from "../report/metrics.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { checkpointPolicy, type Moment } from "./checkpoint_policy.ts";
import { checkFinite } from "./diverged.ts";
import { runEpoch } from "./epoch.ts";
import { runEvaluation, type Score } from "./evaluate.ts";
import { checkPlace, lengthOf, stepsBefore, stepsIn } from "./length.ts";
import { setLossScale } from "./precision.ts";
import type { Session } from "./session.ts";
import { initialProgress, snapshot } from "./snapshot.ts";
import { type Status, statusOf, statusPolicy } from "./status.ts";
import { stepLog } from "./step_log.ts";
import { stopwatch } from "./stopwatch.ts";
import { NO_SUMS, readSums, writeSums } from "./sums.ts";
import type { TrainingPlans } from "./training_plans.ts";

export interface FitOptions extends TrainingPlans {
  readonly seed: number;
  /** Where to go on, and the rows of finished epochs and of steps. */
  readonly resumed: {
    readonly checkpoint: Checkpoint;
    readonly rows: readonly EpochMetrics[];
    readonly stepRows?: readonly StepMetrics[];
  } | null;
  readonly whitening: string | null;
  readonly save: (checkpoint: Checkpoint) => Promise<void>;
  /** Called before a checkpoint is saved, and at the end of each epoch, with what is known of steps. */
  readonly onSteps?: (rows: readonly StepMetrics[]) => Promise<void>;
  /** Ends the training where it returns "stop". */
  readonly onEpoch: (rows: readonly EpochMetrics[]) => Promise<unknown>;
  readonly onStatus: (status: Status) => void;
  /** Asked after each step: stop here? */
  readonly interrupted: () => boolean;
}

/** Trains until the config's last epoch. Returns false where it was interrupted; the state is saved either way. */
export async function fit(session: Session, options: FitOptions): Promise<boolean> {
  const { training, rate } = session, { batch } = training, { train, evaluation, seed, resumed, onStatus } = options;
  const length = lengthOf(training, train.count);
  const progress = resumed?.checkpoint.progress ?? initialProgress(seed);
  checkPlace(length, progress);
  const rows = (resumed?.rows ?? []).filter((row) => row.epoch <= progress.epoch);
  const log = stepLog(resumed?.stepRows ?? [], { step: progress.step, sums: progress.metrics }, stepsIn(length, 0));
  const loop = planLoop(session), checkpoints = checkpointPolicy(training.checkpointMinutes), looks = statusPolicy();
  let { step, epoch } = progress, watch = stopwatch(progress.epochSeconds);

  const saveIfDue = async (moment: Moment) => {
    if (!checkpoints.due(moment)) return;
    await loop.finish();
    watch.stop();
    const at = { step, epoch, seed, epochSeconds: watch.seconds() };
    const checkpoint = await snapshot(session, options.step, at, options.whitening);
    log.add(step, checkpoint.progress!.metrics);
    await options.onSteps?.(log.rows);
    await options.save(checkpoint);
    checkpoints.saved();
  };
  const status = (sums: readonly number[]) =>
    statusOf(length, { batch, epoch, done: step - stepsBefore(length, epoch), sums, seconds: watch.seconds() });
  const afterStep = async (): Promise<boolean> => {
    step++;
    const interrupted = options.interrupted();
    if (looks.due()) {
      const { sums } = await readSums(session);
      checkFinite(session, sums, step);
      looks.restart();
      if (log.due(step)) log.add(step, sums);
      onStatus(status(sums));
    }
    await saveIfDue(interrupted ? "interruption" : "step");
    watch.start();
    return !interrupted;
  };

  await writeSums(session, progress.metrics);
  if (resumed === null) await saveIfDue("start");
  while (epoch < length.epochs) {
    const place = { epoch, from: step - stepsBefore(length, epoch) };
    looks.restart();
    const trained = await runEpoch(session, { ...options, length, rate, loop, watch }, place, afterStep);
    if (trained === null) return false;
    log.add(step, trained.sums);
    const trainedAt = performance.now(), last = epoch + 1 === length.epochs, shown = status(trained.sums);
    let test: Score | null = null;
    if (evaluation !== null && (last || (epoch + 1) % training.evaluateEvery === 0)) {
      await saveIfDue("evaluation");
      const onBatch = (first: number) => onStatus({ ...shown, evaluated: first / evaluation.data.count });
      test = await runEvaluation(session, evaluation, { onBatch, stop: options.interrupted });
      if (test === null) { // interrupted: a resumed run evaluates this epoch again
        await saveIfDue("interruption");
        return false;
      }
      checkFinite(session, [test.loss], step + 1);
    }
    rows.push({
      epoch: epoch + 1,
      learningRate: rate(step - 1, { epoch, steps: length.steps }),
      trainLoss: shown.loss,
      trainError: shown.error,
      testLoss: test?.loss ?? null,
      testError: test?.error ?? null,
      imagesPerSecond: shown.imagesPerSecond,
      seconds: watch.seconds() + (performance.now() - trainedAt) / 1000,
      ...trained.streaming,
      ...(trained.lossScale === null ? {} : { skippedUpdates: trained.lossScale.skipped }),
    });
    epoch++;
    watch = stopwatch(0);
    await writeSums(session, NO_SUMS);
    log.startEpoch();
    if (trained.lossScale !== null) await setLossScale(session, { ...trained.lossScale, skipped: 0 });
    await options.onSteps?.(log.rows);
    const ended = await options.onEpoch(rows) === "stop";
    if (last || ended) await saveIfDue("end");
    if (ended) break;
  }
  return true;
}
