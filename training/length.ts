import { UserError } from "../core/host/errors.ts";

/** What of a config's training decides its length. */
interface Settings {
  readonly batch: number;
  readonly epochs?: number | undefined;
  readonly iterations?: number | undefined;
}

/** How long a training is. */
export interface Length {
  readonly stepsPerEpoch: number;
  /** Of all epochs together: the last may have fewer than `stepsPerEpoch`. */
  readonly steps: number;
  readonly epochs: number;
}

/**
 * The steps of a training on `count` examples, the last incomplete batch of an epoch left out; `epochs` or `iterations`
 * end it, whichever comes first. Throws `UserError` where there are too few examples for a batch.
 */
export function lengthOf({ batch, epochs = Infinity, iterations = Infinity }: Settings, count: number): Length {
  const stepsPerEpoch = Math.floor(count / batch);
  if (stepsPerEpoch === 0) {
    throw new UserError(`Cannot train with batches of ${batch}: there are ${count} training examples`);
  }
  const steps = Math.min(epochs * stepsPerEpoch, iterations);
  return { stepsPerEpoch, steps, epochs: Math.ceil(steps / stepsPerEpoch) };
}
