/** The learning rate as a function of the epoch, counted from 0. */
export type Schedule = (epoch: number) => number;

/** `base`, multiplied by `factor` once after each of `epochs`: the paper's S = [200, 250, 300] with factor 0.1. */
export function stepSchedule(
  { base, factor, epochs }: { base: number; factor: number; epochs: readonly number[] },
): Schedule {
  return (epoch) => base * factor ** epochs.filter((boundary) => epoch >= boundary).length;
}
