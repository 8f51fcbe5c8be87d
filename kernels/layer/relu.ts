/** ReLU: y[i] = x[i] where it is positive, slope * x[i] elsewhere (slope 0 for plain ReLU). */
import { elementBytes, type FloatType } from "../dtype.ts";
import { mapped } from "../mapped.ts";
import { f32 } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** An array, and its activation. */
export interface ReluProblem {
  /** Elements. */
  readonly count: number;
  /** Slope of a leaky ReLU for negative inputs; 0 for plain ReLU. */
  readonly slope: number;
  /** Of x and y. */
  readonly dtype?: FloatType;
}

/** WGSL of the function of one value, or of four. */
export const reluOf = (x: string, slope: number, type: "f32" | "vec4f" = "f32"): string =>
  `max(${x}, ${slope === 0 ? `${type}()` : `${f32(slope)} * ${x}`})`;

/** Reads x, writes y. */
export const relu: Kernel<ReluProblem, Fixed> = {
  name: "relu",
  tunings: () => FIXED,
  pointwise: ({ slope }) => ({ relu: { slope } }),
  stages({ count, slope, dtype }) {
    const shader = mapped({ count, reads: ["x"], expression: reluOf("x", slope), dtype });
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ count, dtype }) => ({ flops: count, bytes: 2 * elementBytes(dtype) * count }),
};
