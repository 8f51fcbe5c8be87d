/** What one epoch of training measured: a row of a run's table and of its learning curves. */
export interface EpochMetrics {
  /** The number of the epoch, from 1. */
  epoch: number;
  /** The learning rate this epoch was trained with. */
  learningRate: number;
  /** Mean cross-entropy in nats over the epoch's training batches, dropout on, weight decay not included. */
  trainLoss: number;
  /** Share of wrongly classified training examples in percent, measured as the training loss is. */
  trainError: number;
  /** Mean cross-entropy in nats over the test examples; null where the epoch was not evaluated. */
  testLoss: number | null;
  /** Share of wrongly classified test examples in percent; null where the epoch was not evaluated. */
  testError: number | null;
  /** Training examples per second, evaluation not included. */
  imagesPerSecond: number;
  /** Wall clock of this epoch in seconds, evaluation included. */
  seconds: number;
  /** Of images that are read while it trains: how many training images could not be read, and did not count. */
  skipped?: number;
  /** Of images that are read while it trains: percent of the training's time in which the device waited for them. */
  waitingPercent?: number;
  /** In mixed precision: how many of this epoch's updates were skipped, as a gradient had overflowed. */
  skippedUpdates?: number;
}

/** What some steps of a training measured, all since the row before: a row of steps.jsonl. */
export interface StepMetrics {
  /** Steps done. */
  readonly step: number;
  /** Mean cross-entropy in nats over the examples of these steps, as `trainLoss` is. */
  readonly loss: number;
  /** Percent of these examples that were wrongly classified. */
  readonly error: number;
}

/** The rows of a text; lines that are none are left out. */
export function parseSteps(text: string): StepMetrics[] {
  return text.split("\n").flatMap((line) => {
    const row = parsed(line);
    const whole = row !== null && Number.isSafeInteger(row["step"]) && isMeasure(row["loss"]) &&
      isMeasure(row["error"]);
    return whole ? [row as unknown as StepMetrics] : [];
  });
}

/** The object of a line of JSON, or null. */
function parsed(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const row: unknown = JSON.parse(line);
    return typeof row === "object" ? row as Readonly<Record<string, unknown>> | null : null;
  } catch {
    return null;
  }
}

const ALWAYS = ["epoch", "learningRate", "trainLoss", "trainError", "imagesPerSecond", "seconds"] as const;
const OPTIONAL = ["skipped", "waitingPercent", "skippedUpdates"] as const;
const SOMETIMES = ["testLoss", "testError"] as const;

/** Sums are float32 on the device, and none of them is negative. */
const isMeasure = (value: unknown) => Number.isFinite(value) && (value as number) >= 0 && (value as number) < 3.5e38;

/** The row of a line of JSON, or null where it is none. */
export function parseMetrics(line: string): EpochMetrics | null {
  const row = parsed(line);
  if (row === null) return null;
  const { epoch } = row;
  const whole = Number.isSafeInteger(epoch) && epoch !== 0 && ALWAYS.every((key) => isMeasure(row[key])) &&
    SOMETIMES.every((key) => row[key] === null || isMeasure(row[key])) &&
    OPTIONAL.every((key) => row[key] === undefined || isMeasure(row[key]));
  return whole ? row as unknown as EpochMetrics : null;
}

/** The rows of a text up to the first line that is none or goes back; the number of that line, and whether it is the last. */
export function parseRows(text: string): { rows: EpochMetrics[]; damaged: number | null; last: boolean } {
  const rows: EpochMetrics[] = [], lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    const row = parseMetrics(line), last = index === lines.length - 1;
    if (row === null || row.epoch <= (rows.at(-1)?.epoch ?? 0)) return { rows, damaged: index + 1, last };
    rows.push(row);
  }
  return { rows, damaged: null, last: true };
}
