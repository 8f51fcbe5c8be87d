/** ReLU: y[i] = x[i] where it is positive, slope * x[i] elsewhere (slope 0 for plain ReLU). One thread per element. */
import { elementBytes, enableDtype, type FloatType, loaded, stored, storedType } from "../dtype.ts";
import { elementwise, f32 } from "../wgsl.ts";
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

/** Reads x, writes y. */
export const relu: Kernel<ReluProblem, Fixed> = {
  name: "relu",
  tunings: () => FIXED,
  stages({ count, slope, dtype }) {
    const type = storedType("f32", dtype), x = loaded("x[i]", "f32", dtype);
    const shader = elementwise(
      count,
      `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> x: array<${type}>;
@group(0) @binding(1) var<storage, read_write> y: array<${type}>;`,
      `  y[i] = ${stored(`max(${x}, ${slope === 0 ? "0.0" : `${f32(slope)} * ${x}`})`, "f32", dtype)};`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ count, dtype }) => ({ flops: count, bytes: 2 * elementBytes(dtype) * count }),
};
