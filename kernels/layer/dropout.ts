/**
 * Inverted dropout: y[i] = x[i] / (1 - rate) with probability 1 - rate, else 0. The mask is a hash of
 * (seed, step, stream, i), so the backward pass is the same kernel on dy and no mask is stored. `i` counts the
 * elements of the whole epoch in order: example n of the batch starts at (step.first + n) * perExample, modulo 2^32, so
 * a batch draws the same masks as its parts do one after the other.
 */
import { elementBytes, type FloatType } from "../dtype.ts";
import { mapped } from "../mapped.ts";
import { f32, RANDOM, STEP } from "../wgsl.ts";
import type { Dropout } from "../pointwise.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** An array, and which of its elements are dropped. */
export interface DropoutProblem extends Dropout {
  /** Elements. */
  readonly count: number;
  /** Of x and y. */
  readonly dtype?: FloatType;
}

/** WGSL that draws: what all elements of a dispatch share, then, for each, whether it is kept. */
export const drawFrom = ({ stream, perExample }: Dropout): string =>
  `  let key = random_key(step.seed, step.step, ${stream}u);
  let before = step.first * ${perExample}u;`;
/** WGSL that tells whether the element of an index is kept; `drawFrom` comes before it. */
export const isKept = ({ rate }: Dropout, index: string): string =>
  `random_unit(key, before + ${index}) >= ${f32(rate)}`;

/** Reads x and the step buffer, writes y. */
export const dropout: Kernel<DropoutProblem, Fixed> = {
  name: "dropout",
  tunings: () => FIXED,
  pointwise: ({ rate, stream, perExample }) => ({ dropout: { rate, stream, perExample } }),
  stages({ count, dtype, ...dropout }) {
    const shader = mapped({
      count,
      reads: ["x"],
      expression: "dropped(i, x)",
      dtype,
      declarations: `${STEP}${RANDOM}@group(0) @binding(1) var<storage, read> step: Step;
fn dropped(i: u32, x: f32) -> f32 {
${drawFrom(dropout)}
  return select(0.0, x * ${f32(1 / (1 - dropout.rate))}, ${isKept(dropout, "i")});
}`,
      binding: 2,
    });
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
  },
  cost: ({ count, dtype }) => ({ flops: count, bytes: 2 * elementBytes(dtype) * count }),
};
