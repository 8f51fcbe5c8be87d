/** From outcomes to rows: who agrees, medians, ratios; and the rows as a Markdown table. */
import { median } from "../../core/measure/profile.ts";
import type { Outcome } from "./compare.ts";
import type { Loss } from "./protocol.ts";

/** How far, relatively, the first losses may lie apart: beyond it a peer does other work, and has no ratio. */
export const LOSS_TOLERANCE = 1e-3;
/** The same for the losses after one update, which gradients rounded to 8 bits move more. */
export const UPDATED_LOSS_TOLERANCE = 5e-3;

export interface Row extends Outcome {
  /** Median, slowest and fastest round; null without figures. */
  readonly median: number | null;
  readonly slowest: number | null;
  readonly fastest: number | null;
  /** Median of the first peer divided by this one's, so how many times as fast the first peer is. */
  readonly ratio: number | null;
  /** Why its losses contradict those of the first peer, or null. */
  readonly disagreement: string | null;
}

function disagree(what: string, loss: Loss, reference: Loss, tolerance: number): string | null {
  if (loss === null || reference === null) return `its ${what} is ${loss}, not ${reference}`;
  return Math.abs(loss - reference) <= tolerance * Math.abs(reference)
    ? null
    : `its ${what} is ${loss.toPrecision(6)}, not ${reference.toPrecision(6)}`;
}

/** Judges every outcome against the first, the reference; without its losses nothing agrees or disagrees. */
export function judge(outcomes: readonly Outcome[]): Row[] {
  const reference = outcomes[0];
  const rows = outcomes.map((outcome) => {
    const { started, imagesPerSecond, failure } = outcome, known = reference?.started ?? null;
    const rates = failure === null ? imagesPerSecond : [];
    return {
      ...outcome,
      median: rates.length === 0 ? null : median(rates),
      slowest: rates.length === 0 ? null : Math.min(...rates),
      fastest: rates.length === 0 ? null : Math.max(...rates),
      disagreement: started === null || known === null
        ? null
        : disagree("first loss", started.loss, known.loss, LOSS_TOLERANCE) ??
          disagree("loss after an update", started.lossAfterUpdate, known.lossAfterUpdate, UPDATED_LOSS_TOLERANCE),
    };
  });
  const ours = rows[0]?.disagreement === null ? rows[0].median : null;
  return rows.map((row) => ({
    ...row,
    ratio: ours === null || row.median === null || row.disagreement !== null ? null : ours / row.median,
  }));
}

const digits = (value: number | null, precision = 3) =>
  value === null ? "" : String(Number(value.toPrecision(precision)));
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

const HEADER = [
  "peer",
  "version",
  "images/s",
  "slowest to fastest",
  "ratio",
  "first step",
  "first loss",
  "after an update",
  "remark",
];

/** A Markdown table, aligned but for the remarks. */
export function markdown(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const { started, failure, disagreement } = row;
    return [
      row.name,
      started?.version ?? "",
      digits(row.median),
      row.slowest === null ? "" : `${digits(row.slowest)} to ${digits(row.fastest)}`,
      row.ratio === null ? "" : row.ratio.toFixed(2),
      started === null ? "" : `${started.firstStepSeconds.toFixed(1)} s`,
      digits(started?.loss ?? null, 6),
      digits(started?.lossAfterUpdate ?? null, 6),
      failure !== null ? `cannot run: ${failure}` : disagreement !== null ? `disagrees: ${disagreement}` : "",
    ].map(cell);
  });
  const widths = HEADER.map((title, column) =>
    column === HEADER.length - 1 ? title.length : Math.max(title.length, ...cells.map((row) => row[column]!.length))
  );
  const line = (row: readonly string[]) => `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(" | ")} |`;
  return [line(HEADER), line(widths.map((width) => "-".repeat(width))), ...cells.map(line)].join("\n");
}
