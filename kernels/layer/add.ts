/** y[i] = a[i] + b[i]. One thread per element. */
import { elementBytes, enableDtype, type FloatType, loaded, stored, storedType } from "../dtype.ts";
import { elementwise } from "../wgsl.ts";
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
    const type = storedType("f32", dtype), [a, b] = ["a[i]", "b[i]"].map((value) => loaded(value, "f32", dtype));
    const shader = elementwise(
      count,
      `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> a: array<${type}>;
@group(0) @binding(1) var<storage, read> b: array<${type}>;
@group(0) @binding(2) var<storage, read_write> y: array<${type}>;`,
      `  y[i] = ${stored(`${a} + ${b}`, "f32", dtype)};`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
  },
  cost: ({ count, dtype }) => ({ flops: count, bytes: 3 * elementBytes(dtype) * count }),
};
