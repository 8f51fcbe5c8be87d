/** What the folder of a run says of it, for reports. */
import { parseConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import type { Progress } from "./checkpoint.ts";
import { UserError } from "../core/host/errors.ts";
import { readText } from "../core/host/files.ts";
import { elements } from "../core/graph/tensor.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import type { TrainedRun } from "../report/trained_run.ts";
import { configDifferences, isForeign } from "./config_differences.ts";
import { specsOf } from "./definition.ts";
import { holdsCheckpoint, latestCheckpoint } from "./run_folder.ts";
import { readMetrics, readSteps } from "./run_records.ts";

/** What a sweep has written down of a run; null where it belongs to none. */
export interface SweepNote {
  readonly seed: number;
  readonly measures: TrainedRun["measures"];
  readonly state: string;
  readonly reason: string | null;
}

/** Weights and biases of a config's network. Throws `UserError` where its shapes do not fit. */
export function parameterCount(config: Config): number {
  return Object.values(specsOf(config).specs).reduce((sum, { shape }) => sum + elements(shape), 0);
}

/**
 * Reads config.yaml, metrics.jsonl and steps.jsonl, and from the checkpoint, if there is one and `note` is null, the seed. `original`
 * gives the config of a name that comes with allcnn, or null. `warn` hears of a damaged checkpoint. Throws `UserError`
 * where config or metrics are damaged.
 */
export async function readRun(
  folder: string,
  note: SweepNote | null,
  original: (name: string) => Promise<Config | null>,
  warn: (message: string) => void,
): Promise<TrainedRun> {
  const path = `${folder}/config.yaml`, config = parseConfig(await readText(path), path);
  const rows = await readMetrics(folder), progress = await progressOf(folder, config, note, warn);
  const shipped = await original(config.name), { epochs, iterations, learningRate } = config.training;
  const differences = shipped === null ? [] : configDifferences(config, shipped);
  return {
    folder,
    config: config.name,
    differences,
    foreign: differences.some(isForeign),
    learningRate: learningRate.base,
    seed: note?.seed ?? progress?.seed ?? seedOfName(folder),
    parameters: parameterCount(config),
    epochs: iterations === undefined ? epochs ?? null : null,
    state: stateOf(config, rows, note, progress),
    reason: note?.reason ?? null,
    measures: note?.measures ?? ("holdOut" in config.dataset ? "heldOut" : "test"),
    rows,
    stepRows: await readSteps(folder),
  };
}

/** Where the checkpoint stands; null where nothing there is needed or readable. */
async function progressOf(
  folder: string,
  { training }: Config,
  note: SweepNote | null,
  warn: (message: string) => void,
): Promise<Progress | null> {
  const needed = note === null || training.iterations !== undefined && note.state !== "done";
  if (!needed || !(await holdsCheckpoint(folder))) return null;
  try {
    return (await latestCheckpoint(folder, warn)).progress;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    warn(error.message);
    return null;
  }
}

/** The number at the end, as in runs/allcnn-c-0. */
function seedOfName(folder: string): number | null {
  const found = /-(\d{1,10})\/*$/.exec(folder);
  return found === null ? null : Number(found[1]);
}

function stateOf(
  { training: { epochs = Infinity, iterations = Infinity } }: Config,
  rows: readonly EpochMetrics[],
  note: SweepNote | null,
  progress: Progress | null,
): TrainedRun["state"] {
  if (note?.state === "diverged" || note?.state === "failed") return note.state;
  const last = rows.at(-1);
  if (last === undefined) return "unfinished";
  if (note?.state === "done" || last.epoch >= epochs) return "finished";
  return progress !== null && progress.step >= iterations && progress.epoch === last.epoch ? "finished" : "unfinished";
}
