import { UserError } from "../core/host/errors.ts";

/** What of a config's training decides its length. */
interface Settings {
  readonly batch: number;
  readonly epochs?: number | undefined;
  readonly iterations?: number | undefined;
  readonly remainder?: Remainder | undefined;
}

/** What becomes of the examples of an epoch that fill no batch. */
export type Remainder = "drop" | "fill";

/** How long a training is. */
export interface Length {
  readonly stepsPerEpoch: number;
  /** Of all epochs together: the last may have fewer than `stepsPerEpoch`. */
  readonly steps: number;
  readonly epochs: number;
}

/**
 * The steps of a training on `count` examples. Those that fill no batch at the end of an epoch are left out, which are
 * others in each, or with "fill" make one with the epoch's first. `epochs` or `iterations` end it, whichever comes first.
 * Throws `UserError` where there are too few examples for a batch.
 */
export function lengthOf(
  { batch, epochs = Infinity, iterations = Infinity, remainder = "drop" }: Settings,
  count: number,
): Length {
  const stepsPerEpoch = remainder === "fill" ? Math.ceil(count / batch) : Math.floor(count / batch);
  if (stepsPerEpoch === 0) {
    throw new UserError(`Cannot train with batches of ${batch}: there are ${count} training examples`);
  }
  const steps = Math.min(epochs * stepsPerEpoch, iterations);
  return { stepsPerEpoch, steps, epochs: Math.ceil(steps / stepsPerEpoch) };
}

/** How many places the order of an epoch has: with "fill", a whole number of batches. */
export function placesOf({ batch, remainder = "drop" }: Settings, count: number): number {
  return remainder === "fill" ? Math.ceil(count / batch) * batch : count;
}

/** Steps of all epochs before `epoch`, counted from 0. */
export function stepsBefore({ stepsPerEpoch, steps }: Length, epoch: number): number {
  return Math.min(epoch * stepsPerEpoch, steps);
}

/** Steps of an epoch: the last may have fewer than the others. */
export function stepsIn(length: Length, epoch: number): number {
  return stepsBefore(length, epoch + 1) - stepsBefore(length, epoch);
}

/** Throws `UserError` where a training of this length never stands at `step` in `epoch`. */
export function checkPlace(length: Length, { step, epoch }: { readonly step: number; readonly epoch: number }): void {
  const { stepsPerEpoch, epochs } = length;
  if (step >= stepsBefore(length, epoch) && step <= stepsBefore(length, epoch + 1) && epoch <= epochs) return;
  throw new UserError(
    `Cannot resume at step ${step} in epoch ${epoch + 1} of ${epochs}: an epoch has ${stepsPerEpoch} steps; ` +
      "use the data and the config that the run was started with",
  );
}
