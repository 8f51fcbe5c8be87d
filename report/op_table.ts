/** What a profile says of each op, as a table for people. */
import { type Peaks, roofline } from "../core/measure/peaks.ts";

export interface OpFigures {
  readonly label: string;
  /** Seconds of one run of its dispatches. */
  readonly seconds: number;
  readonly flops: number;
  readonly bytes: number;
  /** Named and timed one by one, in order. */
  readonly dispatches: readonly { readonly name: string; readonly seconds: number }[];
}

const HEADER = ["op", "ms", "share", "GFLOP/s", "of peak", "GB/s", "of peak", "bound by", "of roofline"];

/** "12.3 %" */
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${(100 * part / whole).toFixed(1)} %` : "-";
}

export function milliseconds(seconds: number): string {
  return (1000 * seconds).toFixed(3);
}

/** Billions per second; "-" of what was too short for the clock. */
function rate(amount: number, seconds: number): string {
  return seconds > 0 ? (amount / seconds / 1e9).toFixed(1) : "-";
}

/**
 * One line per op, slowest first, then one per dispatch where an op has several. "of roofline" is the least time that
 * the peaks allow, divided by the time it took.
 */
export function opTable(ops: readonly OpFigures[], peaks: Peaks): string {
  const total = ops.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = [...ops].sort((a, b) => b.seconds - a.seconds).flatMap((op) => {
    const { label, seconds, flops, bytes, dispatches } = op, floor = roofline(op, peaks);
    const parts = dispatches.length < 2 ? [] : dispatches.map((each) => [
      `  ${each.name}`,
      milliseconds(each.seconds),
      percent(each.seconds, total),
    ]);
    return [[
      label,
      milliseconds(seconds),
      percent(seconds, total),
      rate(flops, seconds),
      percent(flops / peaks.flopsPerSecond, seconds),
      rate(bytes, seconds),
      percent(bytes / peaks.bytesPerSecond, seconds),
      floor.bound,
      percent(floor.seconds, seconds),
    ], ...parts];
  });
  return alignColumns([HEADER, ...rows]);
}

/** The first column to the left, the others to the right, unless `left` names those to the left. */
export function alignColumns(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const padded = (cell: string, column: number) =>
    left.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return rows.map((row) => row.map(padded).join("  ").trimEnd()).join("\n");
}

/** Two lines about the step: its dispatches one by one against the same in one pass, and that against its roofline. */
export function stepSummary(ops: readonly OpFigures[], peaks: Peaks, passSeconds: number): string {
  const sum = ops.reduce((total, { seconds }) => total + seconds, 0), between = passSeconds - sum;
  const floor = ops.reduce((total, op) => total + roofline(op, peaks).seconds, 0);
  return `All ops one by one: ${milliseconds(sum)} ms; in one pass, as training runs them: ${
    milliseconds(passSeconds)
  } ms ` +
    `(${between < 0 ? "-" : "+"}${percent(Math.abs(between), sum)})\n` +
    `Floor of the step, each op at its roofline: ${milliseconds(floor)} ms; it takes ` +
    `${(passSeconds / floor).toFixed(2)} times that`;
}
