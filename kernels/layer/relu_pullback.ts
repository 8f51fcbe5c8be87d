/**
 * The backward pass of ReLU, by one of three rules (paper, section 4 and Figure 1):
 *
 *   gradient   dx[i] = dy[i] where y[i] > 0, slope * dy[i] elsewhere (slope 0 for plain ReLU)
 *   deconvnet  dx[i] = dy[i] where dy[i] > 0, else 0
 *   guided     dx[i] = dy[i] where y[i] > 0 and dy[i] > 0, else 0
 *
 * `y > 0` is the same as `x > 0`, so the input of the ReLU need not be kept.
 */
import { elementBytes, type FloatType } from "../dtype.ts";
import { mapped } from "../mapped.ts";
import { f32 } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** A signal that goes back through an activation. */
export interface ReluPullbackProblem {
  /** Elements. */
  readonly count: number;
  /** How it is sent back (paper, section 4). */
  readonly rule: "gradient" | "deconvnet" | "guided";
  /** Slope of a leaky ReLU for negative inputs; 0 for plain ReLU. */
  readonly slope: number;
  /** Of dy, y and dx. */
  readonly dtype?: FloatType;
}

/** Reads dy and y, writes dx. */
export const reluPullback: Kernel<ReluPullbackProblem, Fixed> = {
  name: "relu_pullback",
  tunings: () => FIXED,
  pointwise: ({ rule, slope }) => rule === "gradient" ? { mask: { scale: 1, slope } } : null,
  stages({ count, rule, slope, dtype }) {
    const expression = {
      gradient: `select(${slope === 0 ? "0.0" : `${f32(slope)} * dy`}, dy, y > 0.0)`,
      deconvnet: "max(dy, 0.0)",
      guided: "select(0.0, max(dy, 0.0), y > 0.0)",
    }[rule];
    const reads = rule === "deconvnet" ? ["dy"] : ["dy", "y"], shader = mapped({ count, reads, expression, dtype });
    return { scratch: [], dispatches: [{ shader, bindings: [...reads.map((_, n) => read(n)), write(0)] }] };
  },
  cost: ({ count, dtype }) => ({ flops: count, bytes: 3 * elementBytes(dtype) * count }),
};
