/** cell.json, in the folder of a cell: what became of it, so that no process asks for it twice. */
import { UserError } from "../core/host/errors.ts";
import { exists, readText, writeFile } from "../core/host/files.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import { holdsCheckpoint } from "../training/run_folder.ts";
import { type Cell, isOutcome, type Outcome } from "./record.ts";

const pathOf = (folder: string) => `${folder}/cell.json`;

/** What the epochs of a run say. In those of a cell with held-out images these are what is called test. */
export function figuresOf(rows: readonly EpochMetrics[], data: Cell["data"]) {
  const errors = rows.flatMap(({ testError }) => testError ?? []), last = errors.at(-1) ?? null;
  const all = data === "all";
  return {
    epoch: rows.at(-1)?.epoch ?? 0,
    seconds: rows.reduce((sum, { seconds }) => sum + seconds, 0),
    testError: all ? last : null,
    bestTestError: all && errors.length > 0 ? Math.min(...errors) : null,
    heldOutError: all ? null : last,
  };
}

/** What the cell in a folder has come to, or null where there is no run or nobody wrote it down. */
export async function readOutcome(folder: string): Promise<Outcome | null> {
  if (!(await exists(pathOf(folder))) || !(await holdsCheckpoint(folder))) return null;
  try {
    const outcome: unknown = JSON.parse(await readText(pathOf(folder)));
    return isOutcome(outcome) ? outcome : null;
  } catch (error) {
    if (error instanceof UserError) throw error;
    return null; // damaged: the run itself tells
  }
}

export async function writeOutcome(folder: string, outcome: Outcome): Promise<void> {
  await writeFile(pathOf(folder), `${JSON.stringify(outcome)}\n`);
}
