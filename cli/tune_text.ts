/** What `allcnn tune` says of a search when it has ended. */
import { print } from "../core/host/process.ts";
import type { Outcome } from "../core/tune/tune_search.ts";
import { gain, taskName, tunedSeconds, tuningText } from "../report/tuning_table.ts";

/** How many candidates were tried, and are known. */
export function counted(outcomes: readonly Outcome[]): string {
  const now = outcomes.reduce((sum, { measured }) => sum + measured, 0);
  const known = outcomes.reduce((sum, { entry }) => sum + entry.rows.length, 0);
  const all = outcomes.reduce((sum, { task }) => sum + task.candidates.length, 0);
  return `${now} candidates now, ${known} of ${all} known`;
}

/** Lines about candidates that cannot be used; a report has them all. */
const REFUSED_LINES = 10;

/** Candidates that are wrong or impossible: a fault of this project or of the driver, so nobody should overlook it. */
export function printRefused(outcomes: readonly Outcome[]): void {
  const lines = outcomes.flatMap(({ task, entry }) =>
    entry.rows.filter(({ status }) => status !== "timed").map(({ status, tuning, reason }) =>
      `${taskName(task)}: ${tuningText(tuning)} ${status}: ${reason}`
    )
  );
  lines.slice(0, REFUSED_LINES).forEach(print);
  if (lines.length > REFUSED_LINES) print(`${lines.length - REFUSED_LINES} more are not usable: --report lists them`);
  const unknown = outcomes.filter(({ entry }) => entry.winner === null);
  if (unknown.length === 0) return;
  const reasons = [...new Set(unknown.map(({ note }) => note))];
  print(`Not measured (${reasons.join("; ")}): ${unknown.map(({ task }) => taskName(task)).join(", ")}`);
}

/** The WGSL of a winner. */
export function sources({ task, entry }: Outcome): string {
  const { kernel, problem } = task.op, tuning = entry.winner ?? task.candidates[0]!.tuning;
  const { dispatches } = kernel.stages(problem, tuning);
  return dispatches.map(({ shader: { code, workgroups } }, index) =>
    `// ${task.labels.join(", ")}: ${kernel.name}, ${tuningText(tuning)}\n` +
    `// Dispatch ${index + 1} of ${dispatches.length}, ${workgroups.join(" x ")} workgroups\n${code}`
  ).join("\n");
}

/** What the search has won; `step` is what `compared` returns. */
export function gainLine(title: string, outcomes: readonly Outcome[], step: readonly number[] | null): string {
  const { before, after } = tunedSeconds(outcomes);
  const [from, to] = step ?? [before, after], what = step === null ? "tuned ops, one by one" : "whole step";
  if (from === undefined || to === undefined || before === 0) return `${title}: nothing was timed`;
  if (step === null && from === to) return `${title}: the defaults are the fastest known`;
  return `${title}, ${what}: ${(1000 * from).toFixed(1)} -> ${(1000 * to).toFixed(1)} ms, ${gain(from, to)}`;
}
