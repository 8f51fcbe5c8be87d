/** Looks for the folders of runs, and for what sweeps have written down of theirs. */
import { realpath } from "node:fs/promises";
import * as z from "zod";
import { UserError } from "../core/host/errors.ts";
import { exists, isDirectory, list, readText } from "../core/host/files.ts";
import type { SweepNote } from "../training/read_run.ts";

export interface FoundRun {
  readonly folder: string;
  /** What the sweep that it belongs to says of it, or null. */
  readonly note: SweepNote | null;
}

/** What is needed of sweep.json; the rest of it is for `allcnn sweep`. */
const sweepSchema = z.object({
  cells: z.array(z.object({
    folder: z.string(),
    seed: z.int().min(0),
    data: z.enum(["all", "heldOut"]),
    state: z.string(),
    reason: z.string().nullable(),
  })),
});

/**
 * The runs in `paths`, each once: run folders, folders of runs, folders of sweeps. `warn` hears of what looks like a run
 * and is none. Throws `UserError` where a path leads to no run.
 */
export async function findRuns(paths: readonly string[], warn: (message: string) => void): Promise<FoundRun[]> {
  const search: Search = { seen: new Map(), notes: new Map(), runs: new Map(), warn };
  for (const path of paths) {
    if (!(await isDirectory(path))) {
      const what = await exists(path) ? "it is a file" : "no such folder";
      throw new UserError(`There is no run in "${path}": ${what}, name the folder of a run, or one of such folders`);
    }
    if (await walk(path.replace(/(?<=.)\/+$/, ""), search)) continue;
    throw new UserError(
      `There is no run in "${path}": neither there nor in the folders below is a config.yaml with a metrics.jsonl, as ` +
        "allcnn train writes them",
    );
  }
  return [...search.runs].map(([key, folder]) => ({ folder, note: search.notes.get(key) ?? null }));
}

/** Folders by their real paths: links may lead to a folder twice, or back up. */
interface Search {
  /** Is there a run in it? */
  readonly seen: Map<string, boolean>;
  readonly notes: Map<string, SweepNote>;
  readonly runs: Map<string, string>;
  readonly warn: (message: string) => void;
}

/** Is there a run in a folder, or below? */
async function walk(folder: string, search: Search): Promise<boolean> {
  const key = await realpath(folder), seen = search.seen.get(key);
  if (seen !== undefined) return seen;
  search.seen.set(key, false);
  const names = await list(folder);
  if (names.includes("sweep.json")) await readSweep(folder, search);
  if (names.includes("config.yaml")) { // without metrics: no epoch is finished yet
    search.runs.set(key, folder);
    search.seen.set(key, true);
    return true;
  }
  if (names.includes("metrics.jsonl")) {
    search.warn(`"${folder}" is left out: it has a metrics.jsonl, but no config.yaml beside it`);
  }
  let found = false;
  for (const name of names) {
    const path = `${folder}/${name}`, hidden = name.startsWith(".") || name === "node_modules";
    if (!hidden && await isDirectory(path) && await walk(path, search)) found = true;
  }
  search.seen.set(key, found);
  return found;
}

async function readSweep(folder: string, { notes, warn }: Search): Promise<void> {
  const path = `${folder}/sweep.json`;
  let value: unknown;
  try {
    value = JSON.parse(await readText(path));
  } catch (error) {
    if (error instanceof UserError) throw error;
    value = null;
  }
  const record = sweepSchema.safeParse(value);
  if (!record.success) {
    return warn(`"${path}" is left out, it is no record of a sweep: which of its runs held images out is not known`);
  }
  for (const { folder: name, seed, data, state, reason } of record.data.cells) {
    const run = `${folder}/${name}`, measures = data === "heldOut" ? "heldOut" : "test";
    if (await isDirectory(run)) notes.set(await realpath(run), { seed, measures, state, reason });
    if (state === "failed" && !(await exists(`${run}/config.yaml`))) {
      warn(`"${run}" failed before its first epoch: ${reason}`);
    }
  }
}
