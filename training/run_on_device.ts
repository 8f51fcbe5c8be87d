/** What a run does on one device, as long as that is there: data, kernels, training into its folder. */
import type { Config } from "../configs/schema.ts";
import type { Context } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import { writeFile } from "../core/host/files.ts";
import { classNames, cropsOf } from "../data/datasets/mod.ts";
import { elements } from "../core/graph/tensor.ts";
import { encode } from "./checkpoint.ts";
import { checkShaders, microBatchOf, tunerFor } from "./exact_resume.ts";
import { fit, type FitOptions } from "./fit.ts";
import { lengthOf, placesOf } from "./length.ts";
import { openExamples } from "./open_examples.ts";
import { precisionNote } from "./precision.ts";
import { loadExamples, type Source, whiteningFor } from "./preprocess.ts";
import type { StepMetrics } from "../report/metrics.ts";
import * as folder from "./run_folder.ts";
import { keepClasses, writeCurves, writeMetrics, writeSteps } from "./run_records.ts";
import type { Resumed, RunOptions } from "./run_options.ts";
import { openSession, type Session } from "./session.ts";
import { checkpointOf, initialize, initialProgress } from "./snapshot.ts";
import { compileTraining, warmUp } from "./training_plans.ts";
import { describeStep } from "./training_step.ts";

/** Seconds between two drawings of the curves, the last epoch aside. */
const CURVES_SECONDS = 20;

/** Refuses, before long work starts, data that are missing or too few for a batch. */
async function checkEarly(source: Source, { training, dataset }: Config): Promise<void> {
  if (cropsOf(dataset) !== null) return; // is only listed, which fails early
  const { batch } = training, wanted = Math.min(batch, dataset.trainExamples ?? batch);
  const { count } = await loadExamples(source, "train", wanted);
  if (count < batch) throw new UserError(`Cannot train with batches of ${batch}: there are ${count} training examples`);
  if (dataset.holdOut === undefined) await loadExamples(source, "test", 1);
}

/** The checkpoint of the seed's initial parameters: a run of 0 epochs. */
async function writeInitialState(session: Session, config: Config, seed: number, out: string): Promise<void> {
  await initialize(session, seed, null, out);
  await folder.startRun(out, config, null);
  const origin = { progress: initialProgress(seed), step: null, whitening: null };
  await folder.saveCheckpoint(out, await checkpointOf(session, origin));
}

/** Writes checkpoints, rows and curves into the folder of the run, as long as it is its own. */
function writeInto(
  { out, lock, screen, config, record, draws = true }: RunOptions,
  epochs: number,
  keep: (epoch: number) => Promise<void>,
): Pick<FitOptions, "save" | "onSteps" | "onEpoch"> {
  let drawn = 0, steps: readonly StepMetrics[] = [];
  return {
    async onSteps(rows) {
      await lock.check();
      await writeSteps(out, steps = rows);
      await record?.(steps, []);
    },
    async save(checkpoint) {
      await lock.check();
      await folder.saveCheckpoint(out, checkpoint);
    },
    async onEpoch(rows) {
      screen.epoch(rows.at(-1)!, epochs);
      await lock.check();
      await keep(rows.at(-1)!.epoch);
      await writeMetrics(out, rows);
      await record?.(steps, rows);
      const now = performance.now();
      if (!draws || rows.length < epochs && drawn > 0 && now - drawn < 1000 * CURVES_SECONDS) return;
      drawn = now;
      await writeCurves(out, config.name, rows);
    },
  };
}

/** Trains, or goes on, until the last epoch. Returns false where it was interrupted. */
export async function runOnDevice(options: RunOptions, context: Context, resumed: Resumed | null): Promise<boolean> {
  const { config, seed, source, out, screen } = options;
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
    : await folder.readWhitening(out, hash, elements(session.images));
  const told = { whitening, report: screen.report, line: screen.line, loss: session.loss };
  const { examples: train, classes } = await openExamples(session, source, "train", {
    ...told,
    places: (count) => placesOf(config.training, count),
  });
  if (classNames(config.dataset).length === 0) await keepClasses(out, classes);
  const test = (await openExamples(session, { ...source, classes }, "test", told)).examples;
  const plans = await compileTraining(session, { train, test }, {
    tuner,
    stepTuner: tunerFor(context, options, resumed, tuner),
    microBatch: microBatchOf(options, resumed),
    report: screen.report,
  });
  checkShaders(plans.step, options, resumed);
  await warmUp(session, plans);
  await initialize(session, seed, resumed?.checkpoint ?? null, out);
  const whiteningHash = await folder.startRun(out, config, whitening);
  screen.line(
    `Training ${config.name}${session.lossScale === null ? "" : " in mixed precision"} on ${train.count} images, ${
      describeStep(session, plans.step)
    }, into ${out}`,
  );
  options.onStart();
  const { keepEvery } = config.training;
  const keep = async (epoch: number) => {
    if (keepEvery === undefined || epoch % keepEvery !== 0) return;
    const origin = { progress: null, step: null, whitening: whiteningHash };
    await writeFile(folder.keptPath(out, epoch), await encode(await checkpointOf({ ...session, moments: {} }, origin)));
  };
  if (resumed === null) await keep(0);
  return await fit(session, {
    ...plans,
    ...writeInto(options, lengthOf(config.training, train.count).epochs, keep),
    seed,
    resumed,
    whitening: whiteningHash,
    onStatus: screen.status,
    interrupted: options.interrupted,
  });
}
