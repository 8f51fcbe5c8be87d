/** What `allcnn evaluate` prints of an evaluation: a line, a table, JSON. */
import { alignColumns } from "../report/op_table.ts";
import { type ClassStatistics, confusions, type Judged, type Share } from "../training/class_statistics.ts";
import type { Score } from "../training/evaluate.ts";

export interface Evaluated {
  /** Of the network's config. */
  readonly name: string;
  /** Their names. */
  readonly classes: readonly string[];
  readonly score: Score;
  /** Images that could not be read. */
  readonly skipped: number;
  readonly statistics: ClassStatistics;
  /** The most confident ones. */
  readonly mistakes: readonly Judged[];
}

const range = ({ interval: [low, high] }: Share) => `${low.toFixed(2)} to ${high.toFixed(2)} %`;

/** One line: how many images, loss, error with its 95 % confidence interval, the top-5 error where there is one. */
export function summaryLine({ score, skipped, statistics: { error, top5Error } }: Evaluated): string {
  // A loss that compares with targets counts outputs that are wrong; the interval is that of wrong classes.
  const same = Math.abs(score.error - error.percent) < 1e-3;
  const wrong = same ? "" : `, wrong class ${error.percent.toFixed(2)} %`;
  const top5 = top5Error === null ? "" : `, top-5 error ${top5Error.percent.toFixed(2)} % (${range(top5Error)})`;
  const left = skipped === 0 ? "" : `; ${skipped} more could not be read`;
  return `${score.examples} images: loss ${score.loss.toFixed(4)}, error ${score.error.toFixed(2)} %${wrong} ` +
    `(95 % confidence: ${range(error)})${top5}${left}`;
}

/** With more classes than this the matrix is wider than a terminal: each class's most frequent mistake is told. */
const MATRIX = 20;
/** Letters of a class's name above its column. */
const SHORT = 5;
/** How many confusions are named below the table. */
const CONFUSIONS = 5;

/** A line per class: images, accuracy, its interval, and how its images were classified. */
export function classTable({ classes, statistics: { accuracy, confusion } }: Evaluated): string {
  const found = confusions(confusion), cut = classes.map((name) => name.slice(0, SHORT));
  const numbered = new Set(cut).size < cut.length, matrix = classes.length <= MATRIX;
  const label = (name: string, index: number) => matrix && numbered ? `${index} ${name}` : name;
  const heads = matrix ? cut.map((name, index) => numbered ? String(index) : name) : ["most often taken for"];
  const taken = (index: number) => {
    const most = found.find(({ label }) => label === index);
    return most === undefined ? "-" : `${classes[most.predicted]!}, ${most.count}`;
  };
  const rows = accuracy.map((share, index) => [
    label(classes[index]!, index),
    String(share.examples),
    ...(share.examples === 0 ? ["-", "-"] : [`${share.percent.toFixed(2)} %`, range(share)]),
    ...(matrix ? confusion[index]!.map((count) => count === 0 ? "." : String(count)) : [taken(index)]),
  ]);
  const table = alignColumns(
    [["true class", "images", "accuracy", "95 % confidence", ...heads], ...rows],
    matrix ? [0] : [0, 4],
  );
  const most = found.slice(0, CONFUSIONS).map(({ label, predicted, count }) =>
    `${classes[label]!} for ${classes[predicted]!} ${count}`
  );
  return most.length === 0 ? table : `${table}\n\nMost often mistaken: ${most.join(", ")}`;
}

/** All of it as JSON: errors and accuracies in percent, null of a class without images. */
export function evaluatedJson({ name, classes, score, skipped, statistics, mistakes }: Evaluated): object {
  const { error, top5Error, accuracy, confusion } = statistics;
  return {
    config: name,
    images: score.examples,
    skipped,
    loss: score.loss,
    error: score.error,
    wrongClass: error.percent,
    wrongClassInterval: error.interval,
    top5Error: top5Error?.percent ?? null,
    top5ErrorInterval: top5Error?.interval ?? null,
    classes: accuracy.map(({ examples, percent, interval }, index) => ({
      class: index,
      name: classes[index],
      images: examples,
      accuracy: examples === 0 ? null : percent,
      accuracyInterval: examples === 0 ? null : interval,
    })),
    confusion,
    mistakes: mistakes.map(({ index, label, predicted, probability }) => ({ index, label, predicted, probability })),
  };
}
