/** Random choices that a seed and the number of a case determine. */
import { key, unit } from "../../core/graph/random.ts";

export interface Draw {
  /** Uniform over a list. */
  pick<T>(list: readonly T[]): T;
  /** A whole number from `low` to `high - 1`. */
  whole(low: number, high: number): number;
  /** True with probability `p`. */
  chance(p: number): boolean;
}

export function drawing(seed: number, number: number): Draw {
  const k = key(seed, number, 99);
  let drawn = 0;
  const whole = (low: number, high: number) => low + Math.floor(unit(k, drawn++) * Math.max(0, high - low));
  return { whole, pick: (list) => list[whole(0, list.length)]!, chance: (p) => unit(k, drawn++) < p };
}
