/** Rounds float32 to half precision, or widens half precision to float32: y[i] = x[i]. */
import { mapped } from "../mapped.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** An array that changes its type. */
export interface CastProblem {
  /** Elements. */
  readonly count: number;
  /** The type that it gets; it has the other one. */
  readonly to: "f16" | "f32";
}

/** Reads x [count], writes y [count] of the other type. */
export const cast: Kernel<CastProblem, Fixed> = {
  name: "cast",
  tunings: () => FIXED,
  stages({ count, to }) {
    const shader = mapped({ count, reads: ["x"], expression: "x", dtype: to === "f16" ? "f32" : "f16", to });
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ count }) => ({ flops: 0, bytes: 6 * count }),
};
