/** What an evaluation says of single classes: pure functions of the network's outputs and the labels. */

/** How a network classified one example. */
export interface Judged {
  /** Its place among the examples. */
  readonly index: number;
  /** Its true class. */
  readonly label: number;
  /** The class of the first largest output, as the loss counts errors too. */
  readonly predicted: number;
  /** How many classes come before the true one, the most probable first: 0 is right, below 5 is within the top 5. */
  readonly rank: number;
  /** The probability of the predicted class, 0 to 1. */
  readonly probability: number;
}

/** A share in percent, and its confidence interval. */
export interface Share {
  /** Of how many examples. */
  readonly examples: number;
  /** How many of these. */
  readonly count: number;
  /** Percent; NaN of no examples. */
  readonly percent: number;
  /** The 95 % confidence interval in percent (`wilsonInterval`). */
  readonly interval: readonly [low: number, high: number];
}

/** What an evaluation says of its examples together and of each class. */
export interface ClassStatistics {
  /** Examples whose most probable class is not theirs. */
  readonly error: Share;
  /** Those whose class is not among the five most probable; null up to ten classes, where that says little. */
  readonly top5Error: Share | null;
  /** Of each class, its examples that were recognized. */
  readonly accuracy: readonly Share[];
  /** How many examples of one class (row) were predicted as another (column). */
  readonly confusion: readonly (readonly number[])[];
}

/** The 97.5 % quantile of the standard normal distribution: of intervals that hold 95 %. */
const Z95 = 1.959963984540054;

/** With so many classes or fewer no top-5 error is told: half of ten guesses would be within. */
const FEW_CLASSES = 10;

/**
 * The score interval of a share of `count` among `examples`, 0 to 1: E. B. Wilson, "Probable inference, the law of
 * succession, and statistical inference", Journal of the American Statistical Association 22 (1927), 209-212. Unlike p
 * +- z sqrt(p (1 - p) / n) it stays within 0 and 1, and has a width at 0 and 1 as well. `z` is the quantile, by default
 * that of 95 %. Of no examples it is all of 0 to 1.
 *
 * @example
 * ```ts
 * const [low, high] = wilsonInterval(1, 10);
 * console.log(low.toFixed(4), high.toFixed(4)); // 0.0179 0.4042
 * ```
 */
export function wilsonInterval(count: number, examples: number, z: number = Z95): readonly [low: number, high: number] {
  if (examples === 0) return [0, 1];
  const share = count / examples, z2 = z * z / examples, middle = (share + z2 / 2) / (1 + z2);
  const half = z * Math.sqrt((share * (1 - share) + z2 / 4) / examples) / (1 + z2);
  // At the ends one bound is exactly 0 or 1, which rounding misses by a little.
  return [count === 0 ? 0 : middle - half, count === examples ? 1 : middle + half];
}

/** The share with its interval, in percent. */
function shareOf(count: number, examples: number): Share {
  const [low, high] = wilsonInterval(count, examples);
  return { examples, count, percent: 100 * count / examples, interval: [100 * low, 100 * high] };
}

/**
 * How examples were classified, from outputs and probabilities [count, classes] and as many labels; the first one's
 * index is `first`.
 */
export function judge(
  logits: Float32Array,
  probabilities: Float32Array,
  labels: Uint32Array,
  first: number = 0,
): Judged[] {
  const classes = logits.length / labels.length;
  return Array.from(labels, (label, n) => {
    const row = logits.subarray(n * classes, (n + 1) * classes), own = row[label]!;
    let predicted = 0, rank = 0;
    for (let k = 0; k < classes; k++) {
      if (row[k]! > row[predicted]!) predicted = k;
      if (row[k]! > own || row[k] === own && k < label) rank++;
    }
    return { index: first + n, label, predicted, rank, probability: probabilities[n * classes + predicted]! };
  });
}

/** Errors, accuracies and the confusion matrix of classified examples of so many classes. */
export function classStatistics(judged: readonly Judged[], classes: number): ClassStatistics {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const { label, predicted } of judged) confusion[label]![predicted]!++;
  const beyond = (rank: number) => shareOf(judged.filter((each) => each.rank >= rank).length, judged.length);
  return {
    error: beyond(1),
    top5Error: classes > FEW_CLASSES ? beyond(5) : null,
    accuracy: confusion.map((row, label) => shareOf(row[label]!, row.reduce((sum, count) => sum + count, 0))),
    confusion,
  };
}

/** At most `most` examples that were classified wrongly, the most confident first, equal ones by their index. */
export function confidentMistakes(judged: readonly Judged[], most: number): Judged[] {
  return judged.filter(({ label, predicted }) => label !== predicted)
    .sort((a, b) => b.probability - a.probability || a.index - b.index).slice(0, most);
}

/** A class that was often taken for another. */
export interface Confusion {
  /** The true class. */
  readonly label: number;
  /** The class that it was taken for. */
  readonly predicted: number;
  /** How often. */
  readonly count: number;
}

/** Every class that was taken for another, the most frequent first, equal ones in the order of the classes. */
export function confusions(confusion: ClassStatistics["confusion"]): Confusion[] {
  return confusion.flatMap((row, label) => row.map((count, predicted) => ({ label, predicted, count })))
    .filter(({ label, predicted, count }) => label !== predicted && count > 0)
    .sort((a, b) => b.count - a.count);
}
