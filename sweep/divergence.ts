/** Is a run lost? Deliberately slow to say so: a start of thousands of steps near chance is normal for these networks. */
import type { EpochMetrics } from "../report/metrics.ts";

/**
 * So many epochs in a row must be no better than chance. Public runs of All-CNN-C left chance within five epochs, and a
 * network whose last ReLU has died never did. Of the paper's 350 epochs these are 3 %.
 */
export const PATIENCE = 10;

/** Accuracies up to this multiple of that of chance count as chance. */
const CHANCE_FACTOR = 1.1;

/** Is an epoch no better than guessing, in training and, where it was evaluated, on the test images too? */
function isAtChance({ trainError, testError }: EpochMetrics, classes: number): boolean {
  const least = 100 - CHANCE_FACTOR * 100 / classes;
  return trainError >= least && (testError === null || testError >= least);
}

/** Why a run with these epochs will not learn any more, one line, or null where it may. */
export function divergence(rows: readonly EpochMetrics[], classes: number): string | null {
  const last = rows.slice(-PATIENCE);
  if (last.length < PATIENCE || !last.every((row) => isAtChance(row, classes))) return null;
  const { epoch, trainError } = last.at(-1)!;
  return `stuck at chance: after epoch ${epoch} the training error is ${
    trainError.toFixed(1)
  } %, and for ${PATIENCE} ` +
    `epochs it was no better than guessing among ${classes} classes`;
}
