/** Adds in place: y[i] = y[i] + x[i], for the gradients of the parts of a batch. One thread per element. */
import { elementwise } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** Reads x [count], updates y [count] in place. */
export const accumulate: Kernel<{ readonly count: number }, Fixed> = {
  name: "accumulate",
  tunings: () => FIXED,
  stages({ count }) {
    const shader = elementwise(
      count,
      `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;`,
      "  y[i] += x[i];",
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ count }) => ({ flops: count, bytes: 12 * count }),
};
