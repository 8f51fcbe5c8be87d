/** The training loop: epochs of steps, evaluation, checkpoints, exact resume. */
import { type Checkpoint, type Progress, select } from "./checkpoint.ts";
import { DivergedError, UserError } from "../core/host/errors.ts";
import { writeTensor } from "../core/device/transfer.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import { runEvaluation, type Score } from "./evaluate.ts";
import { lengthOf } from "./length.ts";
import { type Examples, startPass } from "./examples.ts";
import { getParams, setParams } from "./model.ts";
import { initialParams } from "../learning/initial_values/mod.ts";
import { scheduleOf } from "../learning/schedules/mod.ts";
import { readSums, setLossScale } from "./precision.ts";
import type { Evaluation, Session } from "./session.ts";
import { runStep, type TrainingStep } from "./training_step.ts";
import { waitMeter } from "./wait_meter.ts";

/** Where training stands: shown while it runs. */
export interface Status {
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done in this epoch, of `steps`. */
  readonly step: number;
  readonly steps: number;
  /** Running means of this epoch. */
  readonly loss: number;
  readonly error: number;
  readonly imagesPerSecond: number;
  /** Seconds until the last epoch ends, at this speed. */
  readonly secondsLeft: number;
  /** Share of the test examples that the evaluation has seen, or null while training. */
  readonly evaluated: number | null;
}

export interface FitOptions {
  readonly train: Examples;
  readonly step: TrainingStep;
  /** Null where there is nothing to evaluate on. */
  readonly evaluation: Evaluation | null;
  readonly seed: number;
  /** Where to go on, and the rows of finished epochs. */
  readonly resumed: { readonly checkpoint: Checkpoint; readonly rows: readonly EpochMetrics[] } | null;
  readonly whitening: string | null;
  readonly save: (checkpoint: Checkpoint) => Promise<void>;
  readonly onEpoch: (rows: readonly EpochMetrics[]) => Promise<void>;
  readonly onStatus: (status: Status) => void;
  /** Asked after each step: stop here? */
  readonly interrupted: () => boolean;
}

/** Seconds between two looks at the running loss; each waits for the device. */
const STATUS_SECONDS = 0.5;

/** An evaluation may take long: work older than this is saved before it. */
const EVALUATION_SAVE_SECONDS = 30;

export function initialProgress(seed: number): Progress {
  return { step: 0, epoch: 0, seed, metrics: [0, 0, 0, 0], epochSeconds: 0 };
}

/** Sets parameters, state, moments and loss scale to the seed's initial values or to the checkpoint's. */
export async function initialize(session: Session, seed: number, checkpoint: Checkpoint | null, source: string) {
  const { specs, saved, moments, training } = session;
  await setLossScale(session, checkpoint?.progress?.lossScale);
  if (checkpoint === null) return await setParams(session, initialParams(saved, seed, training.init));
  const kept = Object.keys(moments).map((name) => [name, select(checkpoint, specs, source, `${name}/`)]);
  await setParams(session, select(checkpoint, saved, source), Object.fromEntries(kept));
}

/** Trains until the config's last epoch. Returns false where it was interrupted; the state is saved either way. */
export async function fit(session: Session, options: FitOptions): Promise<boolean> {
  const { context, config, training, buffers } = session;
  const { train, evaluation, seed, resumed } = options;
  const { queue } = context.device;
  const { batch } = training, { stepsPerEpoch, epochs, steps: allSteps } = lengthOf(training, train.count);
  const rate = scheduleOf(training.learningRate);
  let { step, epoch, metrics: sums, epochSeconds } = resumed?.checkpoint.progress ?? initialProgress(seed);
  const stepsUntil = (epoch: number) => Math.min(epoch * stepsPerEpoch, allSteps);
  if (step < stepsUntil(epoch) || step > stepsUntil(epoch + 1) || epoch > epochs) {
    throw new UserError(
      `Cannot resume at step ${step} in epoch ${epoch + 1} of ${epochs}: an epoch has ${stepsPerEpoch} steps; ` +
        "use the data and the config that the run was started with",
    );
  }
  const rows = (resumed?.rows ?? []).filter((row) => row.epoch <= epoch);
  const metricsBuffer = async (values: readonly number[]) =>
    await writeTensor(context, buffers, session.metrics, Float32Array.from(values));
  let lastSave = performance.now();

  const save = async () => {
    const { sums: metrics, lossScale } = await readSums(session);
    checkFinite(session, metrics, step);
    const scale = lossScale === null ? {} : { lossScale };
    const progress: Progress = { step, epoch, seed, metrics, epochSeconds, ...scale };
    const { microBatch, plan: { tunings, shaders } } = options.step,
      { scope } = context,
      { whitening } = options,
      tensors = await getParams(session);
    // The loss is that of the parameters before the last update, which may have overflowed since.
    for (const { data } of Object.values(tensors)) {
      if (!data.every(Number.isFinite)) checkFinite(session, [NaN], step + 1);
    }
    await options.save({ config, progress, microBatch, tunings, scope, shaders, whitening, tensors });
    lastSave = performance.now();
  };

  await metricsBuffer(sums);
  if (resumed === null) await save();
  while (epoch < epochs) {
    const steps = stepsUntil(epoch + 1) - stepsUntil(epoch);
    const from = step - epoch * stepsPerEpoch, distorting = distorts(session, epoch, epochs);
    const pass = await startPass(session, train, {
      batch,
      batches: steps - from,
      training: { seed, epoch, firstStep: step, first: from * batch, distorts: distorting },
    });
    let mark = performance.now(), lastStatus = mark;
    const sinceSeconds = epochSeconds, waits = waitMeter();
    const inFlight: Promise<unknown>[] = [];
    const tick = () => {
      const now = performance.now();
      epochSeconds += (now - mark) / 1000;
      mark = now;
    };
    try {
      for (let at = from; at < steps; at++) {
        if (pass.next !== null) await waits.during(pass.next());
        runStep(session, options.step, {
          step,
          seed,
          learningRate: rate(step, { epoch, steps: allSteps }),
          first: at * batch,
        });
        step++;
        const done = queue.onSubmittedWorkDone();
        done.catch(() => {}); // where the device is lost, check() throws first
        waits.submitted(done);
        inFlight.push(done);
        if (inFlight.length > 1) await inFlight.shift(); // at most two steps in flight
        context.check();
        const now = performance.now(), interrupted = options.interrupted();
        if (now - lastStatus > 1000 * STATUS_SECONDS) {
          ({ sums } = await readSums(session));
          checkFinite(session, sums, step);
          lastStatus = performance.now();
          tick();
          const imagesPerSecond = (at + 1) * batch / epochSeconds;
          const secondsLeft = (allSteps - step) * batch / imagesPerSecond;
          const status = { epoch: epoch + 1, epochs, step: at + 1, steps, imagesPerSecond, secondsLeft };
          options.onStatus({ ...status, ...means(sums), evaluated: null });
        }
        if (interrupted || now - lastSave > 60_000 * training.checkpointMinutes) {
          await Promise.all(inFlight.splice(0));
          tick();
          await save();
          mark = performance.now();
          if (interrupted) return false;
        }
      }
    } finally {
      pass.close();
    }
    await Promise.all(inFlight);
    tick();
    const ended = await readSums(session), { lossScale } = ended;
    sums = ended.sums;
    checkFinite(session, sums, step);
    if (lossScale?.skipped === steps) {
      throw new DivergedError(
        `All ${steps} updates of epoch ${epoch + 1} were skipped, since gradients overflow in half precision`,
        "the last good checkpoint is kept; activations may exceed 65504: try --set precision=f32",
      );
    }
    const last = epoch + 1 === epochs, evaluated = last || (epoch + 1) % training.evaluateEvery === 0;
    const skipped = steps * batch - sums[2]!;
    if (sums[2] === 0) throw new UserError(`None of the ${skipped} images of epoch ${epoch + 1} could be read`);
    const streaming = pass.next === null
      ? {}
      : { skipped, waitingPercent: 100 * waits.seconds() / Math.max(1e-9, epochSeconds - sinceSeconds) };
    const { loss, error } = means(sums), imagesPerSecond = steps * batch / epochSeconds;
    const started = performance.now();
    let test: Score | null = null;
    if (evaluation !== null && evaluated) {
      if (started - lastSave > 1000 * EVALUATION_SAVE_SECONDS) await save();
      const secondsLeft = (allSteps - step) * batch / imagesPerSecond;
      const status = { epoch: epoch + 1, epochs, step: steps, steps, loss, error, imagesPerSecond, secondsLeft };
      const onBatch = (first: number) => options.onStatus({ ...status, evaluated: first / evaluation.data.count });
      test = await runEvaluation(session, evaluation, { onBatch, stop: options.interrupted });
      if (test === null) { // interrupted: a resumed run evaluates this epoch again
        await save();
        return false;
      }
      checkFinite(session, [test.loss], step + 1);
    }
    epoch++;
    rows.push({
      epoch,
      learningRate: rate(step - 1, { epoch: epoch - 1, steps: allSteps }),
      trainLoss: loss,
      trainError: error,
      testLoss: test?.loss ?? null,
      testError: test?.error ?? null,
      imagesPerSecond,
      seconds: epochSeconds + (performance.now() - started) / 1000,
      ...streaming,
      ...(lossScale === null ? {} : { skippedUpdates: lossScale.skipped }),
    });
    await metricsBuffer([0, 0, 0, 0]);
    if (lossScale !== null) await setLossScale(session, { ...lossScale, skipped: 0 });
    epochSeconds = 0;
    await options.onEpoch(rows);
    if (last) await save();
  }
  return true;
}

/** Are images distorted in this epoch, if the config distorts any? */
function distorts({ canvas }: Session, epoch: number, epochs: number): boolean {
  return epoch < epochs - (canvas?.lastEpochsPlain ?? 0);
}

function means([loss, errors, examples]: readonly number[]): { loss: number; error: number } {
  return { loss: loss! / examples!, error: 100 * errors! / examples! };
}

/** Throws `DivergedError` where the loss is no number any more; the checkpoint before it stays. */
function checkFinite({ training, lossScale }: Session, [loss]: readonly number[], step: number): void {
  if (Number.isFinite(loss)) return;
  const half = lossScale === null ? "" : ", or --set precision=f32, since half precision ends at 65504";
  throw new DivergedError(
    `The loss became ${loss} before step ${step}`,
    "the last good checkpoint is kept; try a smaller learning rate, " +
      `as --set training.learningRate.base=${training.learningRate.base / 5}${half}`,
  );
}
