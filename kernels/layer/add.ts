/** y[i] = a[i] + b[i]. */
import { elementBytes, type FloatType } from "../dtype.ts";
import { mapped } from "../mapped.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** Two arrays that are added. */
export interface AddProblem {
  /** Elements of each. */
  readonly count: number;
  /** Of all three. */
  readonly dtype?: FloatType;
}

/** Reads a and b, writes y. */
export const add: Kernel<AddProblem, Fixed> = {
  name: "add",
  tunings: () => FIXED,
  stages({ count, dtype }) {
    const shader = mapped({ count, reads: ["a", "b"], expression: "a + b", dtype });
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
  },
  cost: ({ count, dtype }) => ({ flops: count, bytes: 3 * elementBytes(dtype) * count }),
};
