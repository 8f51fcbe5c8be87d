/** One cell of a sweep, trained in its folder from wherever it stands to its end. */
import type { Config } from "../configs/schema.ts";
import { DivergedError, UserError } from "../core/host/errors.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import { classNames } from "../data/datasets/mod.ts";
import type { Status } from "../training/status.ts";
import { NotExactError } from "../training/exact_resume.ts";
import { trainRun } from "../training/run.ts";
import type { Resumed, RunOptions } from "../training/run_options.ts";
import * as folder from "../training/run_folder.ts";
import { readMetrics, readSteps } from "../training/run_records.ts";
import { lockRun } from "../training/run_lock.ts";
import { divergence } from "./divergence.ts";
import { figuresOf, readOutcome, writeOutcome } from "./outcome.ts";
import type { PlannedCell } from "./plan.ts";
import type { Outcome } from "./record.ts";
import { checkSameConfig } from "./same_config.ts";

/** What training a cell takes that is the same for all of them. */
export interface CellOptions extends Pick<RunOptions, "open" | "tuner" | "interrupted"> {
  /** The folder of the sweep. */
  readonly out: string;
  /** The folder of the data set's files, if it has any. */
  readonly directory: (config: Config) => Promise<string | null>;
  readonly line: (text: string) => void;
  readonly report: (message: string, done: number) => void;
  readonly status: (status: Status) => void;
  /** Called before the first step, and after the last. */
  readonly onTraining: (trains: boolean) => void;
  /** Tests put another in place. */
  readonly train?: typeof trainRun;
}

/**
 * Trains a cell; returns what became of it, or null where it was interrupted, with its state saved. A cell that is over
 * is not trained again. Throws `FolderInUseError` where another process trains it, and whatever else goes wrong.
 */
export async function runCell(
  { cell, config }: PlannedCell,
  options: CellOptions,
  attempt = 1,
): Promise<Outcome | null> {
  const out = `${options.out}/${cell.folder}`, lock = await lockRun(out, options.line);
  try {
    await folder.removeLeftovers(out);
    await checkSameConfig(out, config);
    const before = await readOutcome(out);
    if (before?.state === "done" || before?.state === "diverged") return before;
    const resumed = await stateOf(out, config, options.line);
    let rows = resumed?.rows ?? [], lost = divergence(rows, classNames(config.dataset).length);
    let retuned = before?.retuned ?? false;
    const end = async (state: Outcome["state"], reason: string | null): Promise<Outcome> => {
      const outcome = { state, reason, ...figuresOf(rows, cell.data), attempts: attempt, retuned };
      await writeOutcome(out, outcome);
      return outcome;
    };
    if (lost !== null) return await end("diverged", lost);
    if (resumed !== null && resumed.checkpoint.progress!.epoch >= cell.epochs) {
      return await end("done", null);
    }

    const train = async (resumed: Resumed | null, allowRetune: boolean) =>
      await (options.train ?? trainRun)({
        config,
        seed: cell.seed,
        source: { config: config.dataset, directory: await options.directory(config) },
        out,
        lock,
        resumed,
        microBatch: null,
        allowRetune,
        open: options.open,
        tuner: options.tuner,
        screen: {
          line: options.line,
          report: options.report,
          status: options.status,
          epoch: (row: EpochMetrics) => {
            rows = [...rows.filter(({ epoch }) => epoch < row.epoch), row];
            lost = divergence(rows, classNames(config.dataset).length);
          },
        },
        onStart: () => options.onTraining(true),
        interrupted: () => lost !== null || options.interrupted(),
      });
    try {
      const finished = await train(resumed, false).catch(async (error) => {
        if (!(error instanceof NotExactError)) throw error;
        options.line(`${cell.id} goes on on another device or version, with another rounding`);
        retuned = true;
        await writeOutcome(out, { ...await end("running", null) });
        return await train(await stateOf(out, config, options.line), true);
      });
      if (lost !== null) return await end("diverged", lost);
      return finished ? await end("done", null) : null;
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      return await end("diverged", error.what);
    } finally {
      options.onTraining(false);
    }
  } finally {
    await lock.release();
  }
}

/** What a run's folder holds to go on from, or null. */
async function stateOf(out: string, config: Config, warn: (text: string) => void): Promise<Resumed | null> {
  if (!(await folder.holdsCheckpoint(out))) return null;
  const checkpoint = await folder.latestCheckpoint(out, warn);
  if (checkpoint.progress === null) {
    throw new UserError(`Cannot go on with the run in "${out}": its checkpoint is foreign`);
  }
  const rows = await readMetrics(out), { epoch } = checkpoint.progress;
  return { config, checkpoint, rows: rows.filter((row) => row.epoch <= epoch), stepRows: await readSteps(out) };
}
