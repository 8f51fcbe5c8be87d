/** A run from start to end: device, data, kernels, training into its folder; after a lost device, all of it again. */
import type { Config } from "../configs/schema.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Context } from "../core/device/device.ts";
import { DeviceLostError, UserError } from "../core/host/errors.ts";
import { submit } from "../core/device/run_plans.ts";
import { pause } from "../core/host/process.ts";
import { fixedTuner, type Tuner } from "../core/graph/tuner.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import { fit, initialize, initialProgress, type Status } from "./fit.ts";
import { loadExamples, type Report, type Source, whiteningFor } from "./preprocess.ts";
import { lengthOf } from "./length.ts";
import { openExamples } from "./open_examples.ts";
import { precisionNote } from "./precision.ts";
import * as folder from "./run_folder.ts";
import type { RunLock } from "./run_lock.ts";
import { getParams } from "./model.ts";
import { compileEvaluation, openSession, type Session } from "./session.ts";
import { compileStep, describeStep, SAME_EACH_TIME, submissionsOf } from "./training_step.ts";

/** What a resumed run brings: its config, checkpoint and finished epochs. */
export interface Resumed {
  readonly config: Config;
  readonly checkpoint: Checkpoint;
  readonly rows: readonly EpochMetrics[];
}

/** What is shown while it runs. */
export interface RunScreen {
  line(text: string): void;
  readonly report: Report;
  status(status: Status): void;
  epoch(row: EpochMetrics, epochs: number): void;
}

export interface RunOptions {
  readonly config: Config;
  readonly seed: number;
  readonly source: Source;
  readonly out: string;
  readonly lock: RunLock;
  /** Where to go on; null for a new run. */
  readonly resumed: Resumed | null;
  /** Examples that go through the network at once; null for as many as fit the device. */
  readonly microBatch: number | null;
  /** Go on with other kernels, or other micro-batches, which round differently. */
  readonly allowRetune: boolean;
  /** Opens the device: once, and once after each loss. */
  readonly open: () => Promise<Context>;
  /** Chooses the kernels that no checkpoint names. */
  readonly tuner: (context: Context) => Promise<Tuner>;
  readonly screen: RunScreen;
  /** Called before the first step. */
  readonly onStart: () => void;
  /** Asked after each step: save and stop? */
  readonly interrupted: () => boolean;
  /** Seconds before a lost device is opened again, for each loss without a new checkpoint since the one before. */
  readonly retrySeconds?: readonly number[];
}

/** A driver needs a moment after it was reset. */
const RETRY_SECONDS = [1, 5, 20];

/** Seconds between two drawings of the curves, the last epoch aside. */
const CURVES_SECONDS = 20;

/**
 * Trains until the config's last epoch. Where the device is lost, opens it again and goes on from the last checkpoint,
 * which gives the same bytes; gives up where one loss follows the other without a new checkpoint. Returns false where it
 * was interrupted; the state is saved then. Throws `UserError`.
 */
export async function trainRun(options: RunOptions): Promise<boolean> {
  const { screen, out, retrySeconds = RETRY_SECONDS } = options;
  let { resumed } = options, losses = 0, reached = -1;
  for (;;) {
    let context: Context | null = null;
    try {
      context = await options.open();
      screen.line(`Device: ${context.description}`);
      return await attempt(options, context, resumed);
    } catch (error) {
      // What else fails while the device is gone fails because of it; so does opening it too early.
      const lost = context === null ? losses > 0 ? error : null : await lossBehind(context, error);
      if (!(lost instanceof UserError)) throw error;
      resumed = await savedState(options) ?? resumed;
      const step = resumed?.checkpoint.progress?.step ?? -1,
        seconds = retrySeconds[step > reached ? losses = 0 : losses];
      if (seconds === undefined) {
        const how = resumed === null ? "start again" : `go on with: allcnn train --resume ${out}`;
        throw new UserError(`${lost.message}, ${losses} times without a new checkpoint; once it works, ${how}`);
      }
      [losses, reached] = [losses + 1, step];
      const from = step < 0 ? "starting again" : `going on from step ${step}`;
      screen.line(`${lost.message}: opening it again in ${seconds} s, ${from}`);
      await pause(seconds);
      if (options.interrupted()) return false;
    } finally {
      context?.close();
    }
  }
}

/** The loss of the device that made something fail, or null. */
async function lossBehind(context: Context, error: unknown): Promise<DeviceLostError | null> {
  if (error instanceof DeviceLostError) return error;
  await pause(0.1); // an operation may fail before the loss is heard of
  try {
    context.check();
  } catch (reported) {
    if (reported instanceof DeviceLostError) return reported;
  }
  return null;
}

/** What the folder of this run holds by now, or null before its first checkpoint. */
async function savedState({ out, config, screen }: RunOptions): Promise<Resumed | null> {
  if (!(await folder.holdsCheckpoint(out))) return null;
  return { config, checkpoint: await folder.latestCheckpoint(out, screen.line), rows: await folder.readMetrics(out) };
}

/** Refuses, before long work starts, data that are missing or too few for a batch. */
async function checkEarly(source: Source, { training, dataset }: Config): Promise<void> {
  if (dataset.name === "imageFolder") return; // is only listed, which fails early
  const { batch } = training, wanted = Math.min(batch, dataset.trainExamples ?? batch);
  const { count } = await loadExamples(source, "train", wanted);
  if (count < batch) throw new UserError(`Cannot train with batches of ${batch}: there are ${count} training examples`);
  if (dataset.holdOut === undefined) await loadExamples(source, "test", 1);
}

/** The checkpoint of the seed's initial parameters: a run of 0 epochs. */
async function writeInitialState(session: Session, config: Config, seed: number, out: string): Promise<void> {
  await initialize(session, seed, null, out);
  await folder.startRun(out, config, null);
  const origin = { microBatch: null, tunings: {}, scope: session.context.scope, shaders: "", whitening: null };
  await folder.saveCheckpoint(out, {
    config,
    progress: initialProgress(seed),
    ...origin,
    tensors: await getParams(session),
  });
}

/** Going on would need other kernels, which round differently. */
export class NotExactError extends UserError {
  override readonly name = "NotExactError";

  constructor(why: string) {
    super(`Cannot resume byte-exactly: ${why}; --allow-retune goes on with another rounding`);
  }
}

/** The tuner of a new run, `otherwise`, or the one that replays a resumed run's tunings. */
function tunerFor(context: Context, resumed: Resumed | null, allowRetune: boolean, otherwise: Tuner): Tuner {
  if (resumed === null || allowRetune) return otherwise;
  if (resumed.checkpoint.scope !== context.scope) {
    throw new NotExactError("the run was made on another device or driver, or with other --exact, --safe or --matrix");
  }
  return fixedTuner(resumed.checkpoint.tunings, context.limits, otherwise);
}

/** The micro-batches of a resumed run, unless others are asked for. */
function microBatchOf({ microBatch, allowRetune }: RunOptions, resumed: Resumed | null): number | null {
  const before = resumed?.checkpoint.microBatch ?? null;
  if (before !== null && microBatch !== null && microBatch !== before && !allowRetune) {
    throw new NotExactError(`the run has micro-batches of ${before}, not ${microBatch}`);
  }
  return microBatch ?? (allowRetune ? null : before);
}

/** All of it on one device, as long as that is there. */
async function attempt(options: RunOptions, context: Context, resumed: Resumed | null): Promise<boolean> {
  const { config, seed, source, out, lock, allowRetune, screen } = options;
  const tuner = await options.tuner(context), session = openSession(context, config);
  const note = precisionNote(config.precision, context.limits);
  if (note !== null) screen.line(note);
  if (config.training.epochs === 0) {
    await writeInitialState(session, config, seed, out);
    return true;
  }
  await checkEarly(source, config);
  const hash = resumed?.checkpoint.whitening ?? null;
  const whitening = hash === null
    ? await whiteningFor(context, source, screen.report)
    : await folder.readWhitening(out, hash);
  const told = { whitening, report: screen.report, line: screen.line };
  const { examples: train, classes } = await openExamples(session, source, "train", told);
  if (config.dataset.imageFolder !== undefined) await folder.keepClasses(out, classes);
  const test = (await openExamples(session, source, "test", told)).examples;
  screen.report("Compiling shaders", 0);
  const step = await compileStep(session, train, {
    tuner: tunerFor(context, resumed, allowRetune, tuner),
    microBatch: microBatchOf(options, resumed),
  });
  const shaders = resumed?.checkpoint.shaders || step.plan.shaders; // empty in an initial state
  if (shaders !== step.plan.shaders && !allowRetune) throw new NotExactError("this version generates other shaders");
  const evaluation = await compileEvaluation(session, test, tuner);
  // Some drivers compile at the first dispatch: run both once, on parameters that are overwritten afterwards.
  const data = SAME_EACH_TIME;
  submit(session, [...submissionsOf(session, step, data), { plans: [evaluation.plan], data }]);
  await context.device.queue.onSubmittedWorkDone();
  await initialize(session, seed, resumed?.checkpoint ?? null, out);
  const whiteningHash = await folder.startRun(out, config, whitening);
  screen.line(
    `Training ${config.name}${session.lossScale === null ? "" : " in mixed precision"} on ${train.count} images, ${
      describeStep(session, step)
    }, into ${out}`,
  );
  options.onStart();
  const { epochs } = lengthOf(config.training, train.count);
  let drawn = 0;
  return await fit(session, {
    train,
    step,
    evaluation,
    seed,
    resumed,
    whitening: whiteningHash,
    save: async (checkpoint) => {
      await lock.check();
      await folder.saveCheckpoint(out, checkpoint);
    },
    onEpoch: async (rows) => {
      screen.epoch(rows.at(-1)!, epochs);
      await lock.check();
      await folder.writeMetrics(out, rows);
      const now = performance.now();
      if (rows.length < epochs && drawn > 0 && now - drawn < 1000 * CURVES_SECONDS) return;
      drawn = now;
      await folder.writeCurves(out, config.name, rows);
    },
    onStatus: screen.status,
    interrupted: options.interrupted,
  });
}
