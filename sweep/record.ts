/**
 * sweep.json, in the folder of a sweep: every run of it, and what they say. Written anew at every change, whole.
 *
 * ```
 * { "version": 1, "id": "5f0c...", "protocol": "both",
 *   "cells": [
 *     { "id": "allcnn-c/0.05-0", "folder": "allcnn-c/0.05-0", "config": "allcnn-c",
 *       "values": { "training.learningRate.base": 0.05 }, "seed": 0, "data": "all", "epochs": 350,
 *       "state": "done", "reason": null, "epoch": 350, "seconds": 31000.5, "attempts": 1, "retuned": false,
 *       "testError": 9.31, "bestTestError": 9.22, "heldOutError": null },
 *     { "id": "allcnn-c/0.05-0-held-out", ..., "data": "heldOut", "testError": null, "heldOutError": 9.9 } ],
 *   "results": [
 *     { "config": "allcnn-c", "protocol": "paper", "values": { "training.learningRate.base": 0.05 },
 *       "complete": true, "chosenBy": 9.31, "cells": ["allcnn-c/0.05-0"], "testError": 9.31, "deviation": null } ] }
 * ```
 *
 * Each cell is an ordinary run in `folder`, relative to sweep.json, with config.yaml, metrics.jsonl and checkpoint. In
 * the metrics of a cell with data "heldOut", what is called test there are the held-out training images.
 */
import { UserError } from "../core/host/errors.ts";
import { exists, readText, writeFile } from "../core/host/files.ts";

/** `diverged`: stopped, since it will not learn any more. `failed`: an error, twice; the next start tries it again. */
export type CellState = "pending" | "running" | "done" | "diverged" | "failed";

/** The rate by test error, as the paper seems to have chosen it; or by held-out training images. */
export type Protocol = "paper" | "sound";

/** The value of each path of the grid. */
export type Values = Readonly<Record<string, unknown>>;

/** One run of a sweep: a config with the values of a grid point, and a seed. */
export interface Cell {
  /** Unique in the sweep, the same at each start. */
  readonly id: string;
  /** Relative to the folder of the sweep. */
  readonly folder: string;
  /** The name of the config. */
  readonly config: string;
  readonly values: Values;
  readonly seed: number;
  /** Trained on all training images, or on all but the held-out ones, which it is evaluated on. */
  readonly data: "all" | "heldOut";
  /** How many epochs make a whole run. */
  readonly epochs: number;
}

/** What became of a cell. */
export interface Outcome {
  readonly state: CellState;
  /** Why it diverged or failed, one line. */
  readonly reason: string | null;
  /** Finished epochs. */
  readonly epoch: number;
  /** Of training, all starts together. */
  readonly seconds: number;
  /** Starts that ended with an error, and the last one. */
  readonly attempts: number;
  /** Did it go on on another device, with another rounding? */
  readonly retuned: boolean;
  /** Percent, of the last epoch and of the best one; null before, and where training images are held out. */
  readonly testError: number | null;
  readonly bestTestError: number | null;
  /** Percent of the held-out images, of the last epoch; null where none are. */
  readonly heldOutError: number | null;
}

export type CellRecord = Cell & Outcome;

/** What a protocol reports of a config. */
export interface Result {
  readonly config: string;
  readonly protocol: Protocol;
  /** The chosen grid point. */
  readonly values: Values;
  /** Is every cell over that the choice or the error depends on? */
  readonly complete: boolean;
  /** The error that it was chosen by, percent, mean over the seeds: on the test images or on the held-out ones. */
  readonly chosenBy: number;
  /** Ids of the cells, one per seed, that trained on all images with these values. */
  readonly cells: readonly string[];
  /** Percent, mean over the seeds that are done; null before one is. */
  readonly testError: number | null;
  /** Standard deviation over the seeds (n - 1); null with fewer than two. */
  readonly deviation: number | null;
}

export interface SweepRecord {
  readonly version: 1;
  /** Random: tells this sweep's folder from another of the same path. */
  readonly id: string;
  readonly protocol: Protocol | "both";
  readonly cells: readonly CellRecord[];
  readonly results: readonly Result[];
}

export const PENDING: Outcome = {
  state: "pending",
  reason: null,
  epoch: 0,
  seconds: 0,
  attempts: 0,
  retuned: false,
  testError: null,
  bestTestError: null,
  heldOutError: null,
};

/** Is nothing more to be done for a cell? A failed one is tried again at the next start only. */
export function isOver(state: CellState): boolean {
  return state === "done" || state === "diverged" || state === "failed";
}

const STATES: readonly unknown[] = ["pending", "running", "done", "diverged", "failed"] satisfies CellState[];
const isError = (value: unknown) => value === null || Number.isFinite(value);

/** Is a value that was read what became of a cell? */
export function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== "object" || value === null) return false;
  const { state, reason, epoch, seconds, attempts, testError, bestTestError, heldOutError } = value as Outcome;
  return STATES.includes(state) && (reason === null || typeof reason === "string") &&
    [epoch, seconds, attempts].every(Number.isFinite) && [testError, bestTestError, heldOutError].every(isError);
}

function isCellRecord(value: unknown): value is CellRecord {
  if (!isOutcome(value)) return false;
  const { id, folder, config, values, seed, data, epochs } = value as CellRecord;
  return [id, folder, config].every((text) => typeof text === "string") && typeof values === "object" &&
    values !== null && [seed, epochs].every(Number.isFinite) && (data === "all" || data === "heldOut");
}

const pathOf = (folder: string) => `${folder}/sweep.json`;

/** The record of the sweep in a folder, or null where there is none. Throws `UserError` where it is damaged. */
export async function readRecord(folder: string): Promise<SweepRecord | null> {
  const path = pathOf(folder);
  if (!(await exists(path))) return null;
  try {
    const record: SweepRecord = JSON.parse(await readText(path));
    const { version, id, cells, results } = record, lists = Array.isArray(cells) && Array.isArray(results);
    if (version === 1 && typeof id === "string" && lists && cells.every(isCellRecord)) return record;
  } catch (error) {
    if (error instanceof UserError) throw error;
  }
  throw new UserError(`Cannot read "${path}": it is no record of a sweep; delete it, the runs themselves are kept`);
}

export async function writeRecord(folder: string, record: SweepRecord): Promise<void> {
  await writeFile(pathOf(folder), `${JSON.stringify(record, null, 1)}\n`);
}
