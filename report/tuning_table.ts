/** What a search found, as a table for people. */
import { type Peaks, roofline } from "../core/measure/peaks.ts";
import type { Outcome } from "../core/tune/tune_search.ts";
import { defaultRow, rowOf, type TimedRow, winnerOf } from "../core/tune/tune_entry.ts";
import { alignColumns, milliseconds, percent } from "./op_table.ts";

/** A task and what is known of it. */
export type Known = Pick<Outcome, "task" | "entry">;

/** "conv2/forward", or "conv2/forward +1" where another op has the same problem. */
export function taskName({ labels }: Known["task"]): string {
  return labels.length > 1 ? `${labels[0]} +${labels.length - 1}` : labels[0]!;
}

/** The rows of default and winner, null where they were not timed. */
export function chosenRows({ task, entry }: Known): { basis: TimedRow | null; best: TimedRow | null } {
  const winner = entry.winner ?? winnerOf(task, entry), row = winner === null ? undefined : rowOf(entry, winner);
  return {
    basis: defaultRow(task, entry) ?? null,
    best: row === undefined || row.seconds === null ? null : row as TimedRow,
  };
}

/** Why a row that is faster than the winner is not the winner; empty of all others. */
export function whyNotChosen(known: Known, { seconds, samples }: TimedRow): string {
  const { basis, best } = chosenRows(known);
  if (best === null || seconds >= best.seconds) return "";
  if (samples < 2) return "timed once, perhaps at a quieter moment, and not by turns with the winner";
  return best === basis ? "ahead of the default by no more than noise" : "not checked often enough";
}

/** Seconds of a step's tuned ops with their defaults, and with the winners; where an op's are unknown, it is left out. */
export function tunedSeconds(outcomes: readonly Known[]): { readonly before: number; readonly after: number } {
  const sums = { before: 0, after: 0 };
  for (const known of outcomes) {
    const { basis, best } = chosenRows(known), uses = known.task.labels.length;
    if (basis === null || best === null) continue;
    sums.before += uses * basis.seconds;
    sums.after += uses * best.seconds;
  }
  return sums;
}

/** "winograd tile=4 product=(tiled rows=64 ...)": a tuning in few characters. */
export function tuningText(tuning: unknown): string {
  const { family, ...fields } = tuning as Readonly<Record<string, unknown>>;
  const texts = Object.entries(fields).map(([name, value]) =>
    typeof value === "object" && value !== null ? `${name}=(${tuningText(value)})` : `${name}=${value}`
  );
  return [...family === undefined ? [] : [String(family)], ...texts].join(" ");
}

/** "2.31x" */
export const gain = (before: number, after: number) => after > 0 ? `${(before / after).toFixed(2)}x` : "-";

const HEADER = ["op", "tried", "best, ms", "GFLOP/s", "of roofline", "gain"];

/** The cells of a problem: see `tuningTable`. */
function cellsOf(known: Known, peaks: Peaks): string[] {
  const { task, entry } = known, { basis, best } = chosenRows(known);
  const cost = task.op.kernel.cost(task.op.problem), floor = roofline(cost, peaks);
  const tried = task.candidates.filter(({ tuning }) => rowOf(entry, tuning) !== undefined).length;
  const count = `${tried}/${task.candidates.length}`;
  if (best === null) return [count, "-", "-", "-", "-"];
  return [
    count,
    milliseconds(best.seconds),
    (cost.flops / best.seconds / 1e9).toFixed(1),
    percent(floor.seconds, best.seconds),
    basis === null ? "-" : gain(basis.seconds, best.seconds),
  ];
}

/**
 * One line per problem: candidates tried of those offered, the winner's milliseconds and rate, the roofline's time
 * divided by the winner's, the default's divided by it. `busy` marks the one in hand.
 */
export function tuningTable(outcomes: readonly Known[], peaks: Peaks, busy: Known["task"] | null = null): string {
  const rows = outcomes.map((known) => [
    `${known.task.key === busy?.key ? "> " : ""}${taskName(known.task)}`,
    ...cellsOf(known, peaks),
  ]);
  return alignColumns([HEADER, ...rows]);
}

/** The same of one problem, as a line that can be read alone. */
export function tuningLine(known: Known, peaks: Peaks): string {
  const [tried, milliseconds, gflops, share, gained] = cellsOf(known, peaks);
  if (milliseconds === "-") return `${taskName(known.task)}: ${tried} tried`;
  return `${taskName(known.task)}: ${tried} tried, best ${milliseconds} ms, ${gflops} GFLOP/s, ${share} of the ` +
    `roofline, gain ${gained}`;
}
