import { normals } from "../../core/graph/random.ts";

/** What one output of a layer sums, and what one of its inputs feeds. */
export interface Fan {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Draws the `count` weights of a layer, a function of `seed` and `stream`. */
export type InitialValues = (count: number, fan: Fan, seed: number, stream: number) => Float32Array;

/** Weights from a normal distribution of mean 0. */
export function normal(deviation: (fan: Fan) => number): InitialValues {
  return (count, fan, seed, stream) => {
    const factor = deviation(fan);
    return Float32Array.from(normals(count, seed, stream), (value) => value * factor);
  };
}
