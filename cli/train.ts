/** `allcnn train`: from a config, or from the folder of a run, to a trained network. */
import { loadConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { UserError } from "../core/errors.ts";
import { mebibytes } from "../core/buffers.ts";
import { run } from "../core/plan.ts";
import { environment, exit, onInterrupt } from "../core/runtime.ts";
import type { Whitening } from "../data/whitening.ts";
import { fit, initialize, initialProgress } from "../training/fit.ts";
import { loadExamples, prepare, type Source, whiteningFor } from "../training/preprocess.ts";
import { makeResident } from "../training/resident.ts";
import * as folder from "../training/run_folder.ts";
import { getParams } from "../training/model.ts";
import { compileEvaluation, compileTraining, openSession, type Session } from "../training/session.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { progressLine } from "./progress.ts";
import { notExact, resume, settingsOf, tunerFor } from "./resume.ts";
import { DEVICE_OPTIONS, openDeviceFor, TUNE_OPTIONS, tunerOf } from "./tuning_options.ts";

/** Seconds between two drawings of the curves, the last epoch aside. */
const CURVES_SECONDS = 20;

export const train: Command = {
  usage: {
    command: "train",
    positionals: ["CONFIG?"],
    summary: "Trains the network of a YAML config.",
    options: [
      { name: "data", value: "DIR", help: "folder of the data set's files; default: the variable ALLCNN_DATA" },
      { name: "out", value: "DIR", help: "folder of the run; default: runs/<config>-<seed>" },
      { name: "seed", value: "N", help: "seed of initial values, order and dropout; default: 0" },
      { name: "epochs", value: "N", help: "how many; 0 writes the initial state" },
      { name: "train-examples", value: "N", help: "train on the first N only" },
      { name: "test-examples", value: "N", help: "evaluate on the first N only" },
      { name: "evaluate-every", value: "N", help: "epochs from one evaluation to the next" },
      { name: "set", value: "path=value", help: "change a value of the config, as training.batch=64", repeat: true },
      { name: "resume", value: "DIR", help: "go on with the run in DIR, byte-exactly" },
      { name: "allow-retune", value: null, help: "resume on another device or version, with another rounding" },
      ...TUNE_OPTIONS,
      ...DEVICE_OPTIONS,
    ],
  },
  run: trainCommand,
};

/** Refuses, before long work starts, data that are missing or too few for a batch. */
async function checkEarly(source: Source, { training, dataset }: Config): Promise<void> {
  const { batch } = training, wanted = Math.min(batch, dataset.trainExamples ?? batch);
  const { count } = await loadExamples(source, "train", wanted);
  if (count < batch) throw new UserError(`Cannot train with batches of ${batch}: there are ${count} training examples`);
  await loadExamples(source, "test", 1);
}

/** `--epochs 0`: the checkpoint of the seed's initial parameters. */
async function writeInitialState(session: Session, config: Config, seed: number, out: string): Promise<void> {
  await initialize(session, seed, null, out);
  await folder.startRun(out, config, null);
  const origin = { tunings: {}, scope: session.context.scope, shaders: "", whitening: null };
  await folder.saveCheckpoint(out, {
    config,
    progress: initialProgress(seed),
    ...origin,
    tensors: await getParams(session),
  });
}

async function trainCommand(args: Arguments): Promise<number> {
  const screen = progressLine(), from = args.text("resume"), path = args.positional(0);
  if (from === null && path === null) {
    throw new UserError("CONFIG is missing: name a YAML file, as configs/allcnn-c.yaml");
  }
  const resumed = from === null ? null : await resume(from, args, screen);
  const config = resumed?.config ?? await loadConfig(path!, settingsOf(args));
  const seed = resumed?.checkpoint.progress?.seed ?? args.integer("seed", 0) ?? 0;
  if (seed >= 2 ** 32) throw new UserError(`--seed expects a whole number below 2^32, got ${seed}`);
  const out = from ?? args.text("out") ?? `runs/${config.name}-${seed}`;
  if (resumed === null) await folder.refuseExistingRun(out);
  const source: Source = {
    config: config.dataset,
    directory: args.text("data") ?? (environment("ALLCNN_DATA") || null),
  };

  const context = await openDeviceFor(args);
  screen.line(`Device: ${context.description}`);
  const tuner = await tunerOf(context, args, screen);
  const session = openSession(context, config);
  const { epochs, batch } = config.training;
  if (epochs === 0) {
    await writeInitialState(session, config, seed, out);
    screen.line(`The initial state is in ${out}`);
    return 0;
  }

  await checkEarly(source, config);
  const hash = resumed?.checkpoint.whitening ?? null;
  const whitening: Whitening | null = hash === null
    ? await whiteningFor(context, source, screen.report)
    : await folder.readWhitening(out, hash);
  const data = await prepare(context, source, "train", whitening, screen.report);
  const test = await prepare(context, source, "test", whitening, screen.report);
  const resident = await makeResident(context, session.buffers, "train", data);
  const residentTest = await makeResident(context, session.buffers, "test", test);
  screen.report("Compiling shaders", 0);
  const plan = await compileTraining(session, resident, tunerFor(context, resumed, args, tuner));
  const shaders = resumed?.checkpoint.shaders || plan.shaders; // empty in an initial state
  if (shaders !== plan.shaders && !args.flag("allow-retune")) throw notExact("this version generates other shaders");
  const evaluation = await compileEvaluation(session, residentTest, tuner);
  // Some drivers compile at the first dispatch: run both once, on parameters that are overwritten afterwards.
  run(context, plan, evaluation.plan);
  await context.device.queue.onSubmittedWorkDone();
  await initialize(session, seed, resumed?.checkpoint ?? null, out);
  const whiteningHash = await folder.startRun(out, config, whitening);
  screen.line(
    `Training ${config.name} on ${data.count} images, batch ${batch}, ${mebibytes(plan.transientBytes)} beside the ` +
      `parameters, into ${out}`,
  );

  let interrupts = 0, drawn = 0;
  const stopListening = onInterrupt(() => {
    if (++interrupts > 1) exit(130);
    screen.line("Stopping after this step; once more leaves at once");
  });
  const finished = await fit(session, {
    train: resident,
    plan,
    evaluation,
    seed,
    resumed,
    whitening: whiteningHash,
    save: (checkpoint) => folder.saveCheckpoint(out, checkpoint),
    onEpoch: async (rows) => {
      screen.epoch(rows.at(-1)!, epochs);
      await folder.writeMetrics(out, rows);
      const now = performance.now();
      if (rows.length < epochs && drawn > 0 && now - drawn < 1000 * CURVES_SECONDS) return;
      drawn = now;
      await folder.writeCurves(out, config.name, rows);
    },
    onStatus: screen.status,
    interrupted: () => interrupts > 0,
  });
  stopListening();
  context.close();
  screen.line(finished ? `Done: ${out}` : `Stopped. Go on with: allcnn train --resume ${out}`);
  return finished ? 0 : 130;
}
