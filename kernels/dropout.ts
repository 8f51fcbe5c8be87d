/**
 * Inverted dropout: y[i] = x[i] / (1 - rate) with probability 1 - rate, else 0. The mask is a hash of
 * (seed, step, stream, i), so the backward pass is the same kernel on dy and no mask is stored. `i` counts the
 * elements of the whole batch in order: example n starts at n * (elements per example). One thread per element.
 */
import { elementwise, f32, RANDOM, STEP } from "./wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "./kernel.ts";

export interface DropoutProblem {
  readonly count: number;
  /** Probability of zeroing an element, in [0, 1). */
  readonly rate: number;
  /** Which layer draws: every dropout layer has its own stream of random numbers. */
  readonly stream: number;
}

/** Reads x and the step buffer, writes y. */
export const dropout: Kernel<DropoutProblem, Fixed> = {
  name: "dropout",
  tunings: () => FIXED,
  stages({ count, rate, stream }) {
    const shader = elementwise(
      count,
      `${STEP}${RANDOM}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;`,
      `  let kept = random_unit(random_key(step.seed, step.step, ${stream}u), i) >= ${f32(rate)};
  y[i] = select(0.0, x[i] * ${f32(1 / (1 - rate))}, kept);`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
  },
  cost: ({ count }) => ({ flops: count, bytes: 8 * count }),
};
