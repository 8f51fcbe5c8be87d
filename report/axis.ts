/** One axis of a drawing: a linear map from values to pixels, and the values to print along it, at least two. */
export interface Axis {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Whole epochs from left to right, from 0 unless the run begins later than with epoch 1. */
export function epochAxis(epochs: readonly number[], left: number, right: number): Axis {
  const first = epochs[0] ?? 0;
  const low = first <= 1 ? 0 : first;
  const high = Math.max(epochs.at(-1) ?? 0, low + 2); // a single epoch stands in the middle
  const step = Math.max(1, niceStep((high - low) / 8));
  const ticks = niceTicks(low, high, step);
  return { ticks, at: (epoch) => left + (right - left) * (epoch - low) / (high - low) };
}

/** From 0 at the bottom to the first tick that is not below `max` at the top. */
export function valueAxis(max: number, bottom: number, top: number): Axis {
  const step = niceStep((max || 1) / 5);
  const high = step * Math.ceil((max || 1) / step - 1e-9);
  const ticks = niceTicks(0, high, step);
  return { ticks, at: (value) => bottom - (bottom - top) * value / high };
}

/** The least of 1, 2 and 5 times a power of ten that is at least `step`. */
export function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step) + 1e-9);
  const factor = [1, 2, 5].find((candidate) => candidate * power >= step * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** The multiples of `step` from `low` to `high`. */
export function niceTicks(low: number, high: number, step: number): number[] {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** Prints the ticks of one axis, all with as many decimals as their step needs. */
export function formatTicks(ticks: readonly number[]): string[] {
  const step = ticks[1]! - ticks[0]!;
  if (step < 1e-4 || step >= 1e5) {
    return ticks.map((tick) => tick === 0 ? "0" : Number(tick.toPrecision(6)).toExponential().replace("e+", "e"));
  }
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return ticks.map((tick) => tick.toFixed(decimals));
}
