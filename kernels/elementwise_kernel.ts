/** A kernel of one's own from one expression. */
import { elementBytes, type FloatType } from "./dtype.ts";
import { mapped } from "./mapped.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "./kernel.ts";

/** What a kernel of one expression is given. */
export interface ElementwiseProblem {
  /** Elements of each array. */
  readonly count: number;
  /** Of all arrays; what is computed is f32 in any case. The default is f32. */
  readonly dtype?: FloatType;
}

/** A name that WGSL takes and that is none of ours. */
const NAME = /^(?!i$|main$|element_of$|results$|_)[A-Za-z]\w*$/;

/**
 * A kernel that computes each element of its write from the same element of its reads: `expression` is one of WGSL, in
 * which `reads` name these elements, each an f32; `i` is the index, a u32. `flops` says how many operations one element
 * takes, for comparisons with the device's peak. Throws where a name is none that WGSL takes.
 *
 * @example
 * ```ts
 * const axpy = elementwiseKernel("axpy", ["x", "y"], "2.0 * x + y", { flops: 2 });
 * const x = tensor("x", [4], { lifetime: "persistent" }), y = tensor("y", [4], { lifetime: "persistent" });
 * const sum = tensor("sum", [4], { lifetime: "persistent" }), buffers: Buffers = new Map();
 * await writeTensor(device, buffers, x, Float32Array.of(1, 2, 3, 4));
 * await writeTensor(device, buffers, y, Float32Array.of(10, 20, 30, 40));
 * const ops = [op(axpy, { count: 4 }, { label: "axpy", reads: [x, y], writes: [sum] })];
 * using plan = await compile(device, { ops, keep: [] }, defaultTuner(device.limits), buffers);
 * run(device, plan);
 * console.log((await readTensor(device, buffers, sum)).join(" ")); // 12 24 36 48
 * ```
 */
export function elementwiseKernel(
  name: string,
  reads: readonly string[],
  expression: string,
  { flops = 1 }: { readonly flops?: number } = {},
): Kernel<ElementwiseProblem, Fixed> {
  const wrong = reads.find((each, index) => !NAME.test(each) || reads.indexOf(each) !== index);
  if (wrong !== undefined) throw new Error(`Cannot make the kernel "${name}": it cannot call a read "${wrong}"`);
  const bindings = [...reads.map((_, index) => read(index)), write(0)];
  return {
    name,
    tunings: () => FIXED,
    stages({ count, dtype }) {
      const shader = mapped({ count, reads, expression: `f32(${expression})`, dtype });
      return { scratch: [], dispatches: [{ shader, bindings }] };
    },
    cost: ({ count, dtype }) => ({ flops: flops * count, bytes: bindings.length * elementBytes(dtype) * count }),
  };
}
