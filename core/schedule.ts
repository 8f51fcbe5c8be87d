/** The learning rate of a step: `step` and `epoch` both count from 0. */
export type Schedule = (step: number, epoch: number) => number;

/**
 * `base`, multiplied by `factor` once after each of `epochs` and of `iterations`, and by exp(-decay * epoch). The paper's
 * S = [200, 250, 300] are epochs with factor 0.1.
 */
export function learningRateSchedule({ base, factor, epochs = [], iterations = [], decay = 0 }: {
  readonly base: number;
  readonly factor: number;
  readonly epochs?: readonly number[] | undefined;
  /** Counted in steps. */
  readonly iterations?: readonly number[] | undefined;
  readonly decay?: number | undefined;
}): Schedule {
  const passed = (boundaries: readonly number[], at: number) => boundaries.filter((boundary) => at >= boundary).length;
  return (step, epoch) =>
    base * factor ** (passed(epochs, epoch) + passed(iterations, step)) * Math.exp(-decay * epoch);
}
