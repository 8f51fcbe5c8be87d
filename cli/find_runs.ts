/** Looks for the folders of runs, and for what sweeps have written down of theirs. */
import { resolve } from "node:path";
import * as z from "zod";
import { UserError } from "../core/errors.ts";
import { exists, isDirectory, list, readText } from "../core/storage.ts";
import type { SweepNote } from "../training/read_run.ts";

export interface FoundRun {
  readonly folder: string;
  /** What the sweep that it belongs to says of it, or null. */
  readonly note: SweepNote | null;
}

/** Folders of folders end here: runs lie a few levels deep, and a link may lead back up. */
const MAX_DEPTH = 8;

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
  const found = new Map<string, FoundRun>();
  for (const path of paths) {
    if (!(await isDirectory(path))) {
      const what = await exists(path) ? "it is a file" : "no such folder";
      throw new UserError(`There is no run in "${path}": ${what}, name the folder of a run, or one of such folders`);
    }
    const notes = new Map<string, SweepNote>(), runs: string[] = [];
    await walk(path.replace(/(?<=.)\/+$/, ""), 0, { notes, runs, warn });
    if (runs.length === 0) {
      throw new UserError(
        `There is no run in "${path}": neither there nor in the folders below is a config.yaml with a metrics.jsonl, as ` +
          "allcnn train writes them",
      );
    }
    for (const folder of runs) {
      const key = resolve(folder);
      if (!found.has(key)) found.set(key, { folder, note: notes.get(key) ?? null });
    }
  }
  return [...found.values()];
}

interface Search {
  readonly notes: Map<string, SweepNote>;
  readonly runs: string[];
  readonly warn: (message: string) => void;
}

async function walk(folder: string, depth: number, search: Search): Promise<void> {
  const names = await list(folder);
  if (names.includes("sweep.json")) await readSweep(folder, search);
  const [config, metrics] = ["config.yaml", "metrics.jsonl"].map((name) => names.includes(name));
  if (config) return void search.runs.push(folder); // without metrics: no epoch is finished yet
  if (metrics) return search.warn(`"${folder}" is left out: it has a metrics.jsonl, but no config.yaml beside it`);
  if (depth === MAX_DEPTH) return;
  for (const name of names) {
    const path = `${folder}/${name}`;
    if (!name.startsWith(".") && name !== "node_modules" && await isDirectory(path)) {
      await walk(path, depth + 1, search);
    }
  }
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
    if (state === "failed" && !(await exists(`${run}/config.yaml`))) {
      warn(`"${run}" failed before its first epoch: ${reason}`);
    }
    notes.set(resolve(run), { seed, measures, state, reason });
  }
}
