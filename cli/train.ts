/** `allcnn train`: from a config, or from the folder of a run, to a trained network. */
import { loadConfig } from "../configs/load.ts";
import { UserError } from "../core/host/errors.ts";
import { exit, onInterrupt } from "../core/host/process.ts";
import { trainRun } from "../training/run.ts";
import type { RunOptions } from "../training/run_options.ts";
import * as folder from "../training/run_folder.ts";
import { readMetrics } from "../training/run_records.ts";
import { lockRun, type RunLock } from "../training/run_lock.ts";
import { type Arguments, CONFIG_DETAILS } from "./arguments.ts";
import type { Command } from "./command.ts";
import { commandLine } from "./command_line.ts";
import { DATA_OPTION, dataFolder } from "./data_folder.ts";
import { eventLog, LOGS } from "./event_log.ts";
import { type ProgressLine, progressLine } from "./progress.ts";
import { resume } from "./resume.ts";
import { SETTING_OPTIONS, settingsOf } from "./settings.ts";
import { DEVICE_OPTIONS, openDeviceFor, TUNE_OPTIONS, tunerOf } from "./tuning_options.ts";

export const train: Command = {
  goesOn: true,
  usage: {
    command: "train",
    positionals: ["CONFIG?"],
    summary: "Trains the network of a YAML config.",
    details: CONFIG_DETAILS,
    options: [
      DATA_OPTION,
      { name: "out", value: "DIR", help: "folder of the run; default: runs/<config>-<seed>" },
      { name: "seed", value: "N", help: "seed of initial values, order and dropout; default: 0" },
      ...SETTING_OPTIONS,
      { name: "log", value: "FORMAT", help: "write what is measured for other tools too: tensorboard, an event file" },
      { name: "resume", value: "DIR", help: "go on with the run in DIR, byte-exactly" },
      { name: "allow-retune", value: null, help: "resume on another device or version, with another rounding" },
      { name: "micro-batch", value: "N", help: "examples at a time; default: the whole batch, or as many as fit" },
      ...TUNE_OPTIONS,
      ...DEVICE_OPTIONS,
    ],
  },
  run: trainCommand,
};

async function trainCommand(args: Arguments): Promise<number> {
  const screen = progressLine(), from = args.text("resume"), path = args.positional(0);
  if (from === null && path === null) {
    throw new UserError("CONFIG is missing: name a YAML file, or a config that comes along, as quickstart");
  }
  if (from !== null) {
    if (args.text("out") !== null) {
      throw new UserError(`--out cannot be used with --resume: the run stays in "${from}"`);
    }
    await folder.requireRun(from);
    return await locked(from, screen, async (lock) => {
      const resumed = await resume(from, args, screen);
      const { config, checkpoint } = resumed;
      return await runIn(from, args, screen, { config, seed: checkpoint.progress!.seed, lock, resumed });
    });
  }
  const config = await loadConfig(path!, settingsOf(args)), seed = args.integer("seed", 0) ?? 0;
  if (seed >= 2 ** 32) throw new UserError(`--seed expects a whole number below 2^32, got ${seed}`);
  const out = args.text("out") ?? `runs/${config.name}-${seed}`;
  return await locked(out, screen, async (lock) => {
    await folder.refuseExistingRun(out, config);
    return await runIn(out, args, screen, { config, seed, lock, resumed: null });
  });
}

/** Runs `body` while no other process may write into the folder. */
async function locked(out: string, screen: ProgressLine, body: (lock: RunLock) => Promise<number>): Promise<number> {
  const lock = await lockRun(out, screen.line);
  try {
    await folder.removeLeftovers(out);
    return await body(lock);
  } finally {
    await lock.release();
  }
}

async function runIn(
  out: string,
  args: Arguments,
  screen: ProgressLine,
  run: Pick<RunOptions, "config" | "seed" | "lock" | "resumed">,
): Promise<number> {
  const { dataset, training } = run.config;
  const log = args.word("log", LOGS), { resumed } = run;
  let interrupts = 0, stopListening: (() => void) | null = null;
  const finished = await trainRun({
    ...run,
    out,
    source: { config: dataset, directory: training.epochs === 0 ? null : await dataFolder(args, dataset, screen) },
    microBatch: args.integer("micro-batch", 1),
    allowRetune: args.flag("allow-retune"),
    open: () => openDeviceFor(args),
    tuner: (context) => tunerOf(context, args, screen),
    screen,
    ...log !== null && { record: eventLog(out, resumed?.checkpoint.progress?.step ?? 0) },
    onStart: () => {
      stopListening ??= onInterrupt(() => {
        if (++interrupts > 1) exit(130);
        screen.line("Stopping after this step; once more leaves at once");
      });
    },
    interrupted: () => interrupts > 0,
  });
  if (training.epochs === 0) screen.line(`The initial state is in ${out}`);
  else if (!finished) screen.line(`Stopped. Go on with: ${commandLine("train", ["--resume", out])}`);
  else screen.line(`Done: ${out}${await outcome(out)}. Look inside with: ${commandLine("serve", [out])}`);
  return finished ? 0 : 130;
}

/** What the last epoch came to. */
async function outcome(out: string): Promise<string> {
  const row = (await readMetrics(out)).at(-1);
  if (row === undefined) return "";
  const error = row.testError === null
    ? `${row.trainError.toFixed(2)} % training`
    : `${row.testError.toFixed(2)} % test`;
  return `, ${error} error after ${row.epoch} ${row.epoch === 1 ? "epoch" : "epochs"}`;
}
