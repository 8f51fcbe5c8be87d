/** The course of a run, while a process may be training in its folder. */
import type { Config } from "../configs/schema.ts";
import { UserError } from "../core/host/errors.ts";
import { exists, readText } from "../core/host/files.ts";
import { type EpochMetrics, parseRows } from "../report/metrics.ts";
import { isTraining } from "../training/run_lock.ts";
import { keptEpochs } from "../training/run_folder.ts";
import type { LiveInfo } from "./protocol.ts";

/** What the folder of a run says now. */
export async function liveRun(
  folder: string,
  { training }: Config,
): Promise<Pick<LiveInfo, "rows" | "epochs" | "state" | "kept" | "problems">> {
  const path = `${folder}/metrics.jsonl`, problems: string[] = [], epochs = training.epochs ?? null;
  let rows: readonly EpochMetrics[] = [];
  try {
    const read = parseRows(await exists(path) ? await readText(path) : "");
    rows = read.rows;
    // A last line may still be being written.
    if (read.damaged !== null && !read.last) {
      problems.push(`Line ${read.damaged} of "${path}" is damaged: the rest is not shown`);
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(error.message);
  }
  const last = rows.at(-1)?.epoch ?? 0, done = epochs !== null && last >= epochs;
  const state = await isTraining(folder) ? "training" : done ? "finished" : "stopped";
  return { rows, epochs, state, kept: await keptEpochs(folder), problems };
}
