/** The course of a run, while a process may be training in its folder. */
import type { Config } from "../configs/schema.ts";
import { UserError } from "../core/host/errors.ts";
import { exists, readText } from "../core/host/files.ts";
import { type EpochMetrics, parseMetrics } from "../report/metrics.ts";
import { isTraining } from "../training/run_lock.ts";
import type { LiveInfo } from "./protocol.ts";

/** The rows of finished epochs as far as they can be read; a last line that is still being written does not count. */
export function readRows(text: string): { rows: EpochMetrics[]; damaged: number | null } {
  const rows: EpochMetrics[] = [], lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    const row = parseMetrics(line), next = row !== null && row.epoch > (rows.at(-1)?.epoch ?? 0);
    if (!next) return { rows, damaged: index === lines.length - 1 ? null : index + 1 };
    rows.push(row);
  }
  return { rows, damaged: null };
}

/** What the folder of a run says now. */
export async function liveRun(
  folder: string,
  { training }: Config,
): Promise<Pick<LiveInfo, "rows" | "epochs" | "state" | "problems">> {
  const path = `${folder}/metrics.jsonl`, problems: string[] = [], epochs = training.epochs ?? null;
  let rows: readonly EpochMetrics[] = [];
  try {
    const read = await exists(path) ? readRows(await readText(path)) : { rows: [], damaged: null };
    rows = read.rows;
    if (read.damaged !== null) problems.push(`Line ${read.damaged} of "${path}" is damaged: the rest is not shown`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(error.message);
  }
  const last = rows.at(-1)?.epoch ?? 0, done = epochs !== null && last >= epochs;
  const state = await isTraining(folder) ? "training" : done ? "finished" : "stopped";
  return { rows, epochs, state, problems };
}
