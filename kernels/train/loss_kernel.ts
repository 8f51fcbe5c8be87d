/**
 * What the kernels of all losses share: for each example they compare the outputs of the network with its target, one
 * thread per example, and write
 *
 *   results[n] = (loss, 1 if it counts as an error, 1 if it counts at all, 0)
 *   dz[n,k] = the gradient of the mean loss, multiplied by the loss scale where there is one (loss_scale.ts)
 */
import { LOSS_SCALE } from "./loss_scale.ts";
import { elementwise, f32 } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** The outputs that are compared with their targets. */
export interface LossProblem {
  /** Examples. */
  readonly batch: number;
  /** Outputs of the network for each example. */
  readonly classes: number;
  /**
   * Write the gradient of the mean loss of so many examples too? More than `batch`, where that is a part of them.
   * `scaled`: multiplied by the loss scale; absent: as it is.
   */
  readonly gradient: { readonly examples: number; readonly scaled?: true } | null;
}

/** Reads logits [batch, classes], targets and, if scaled, the loss scale; writes results [batch, 4] and, if asked for, dlogits. */
export type LossKernel<Constants = unknown> = Kernel<LossProblem & Constants, Fixed>;

/**
 * The kernel of a loss. `target` declares what outputs are compared with, as `labels: array<u32>`. `example` is WGSL for
 * example `i`, whose outputs begin at `logits[row]`: it sets `results[i]` and, by `dlogits(value)`, the derivative by each
 * output `k`: that of the example's loss, multiplied by the expression `share`.
 */
export function lossKernel<Constants>({ name, target, flops, example, functions = () => "" }: {
  readonly name: string;
  readonly target: string;
  /** Operations per output. */
  readonly flops: number;
  readonly example: (problem: LossProblem & Constants, dlogits: (value: string) => string, share: string) => string;
  /** WGSL functions that `example` calls. */
  readonly functions?: (problem: LossProblem & Constants) => string;
}): LossKernel<Constants> {
  return {
    name,
    tunings: () => FIXED,
    stages(problem) {
      const { batch, classes, gradient } = problem, scaled = gradient?.scaled === true;
      const share = `${f32(1 / (gradient?.examples ?? batch))}${scaled ? " * loss_scale.scale" : ""}`;
      const dlogits = (value: string) =>
        gradient !== null ? `for (var k = 0u; k < ${classes}u; k++) { dlogits[row + k] = ${value}; }` : "";
      const shader = elementwise(
        batch,
        `${functions(problem)}@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> ${target};
@group(0) @binding(2) var<storage, read_write> results: array<vec4f>;
${gradient !== null ? "@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;" : ""}${
          scaled ? `${LOSS_SCALE}\n@group(0) @binding(4) var<storage, read> loss_scale: LossScale;` : ""
        }`,
        `  let row = i * ${classes}u;
${example(problem, dlogits, share)}`,
      );
      const bindings = [
        read(0),
        read(1),
        write(0),
        ...(gradient !== null ? [write(1)] : []),
        ...(scaled ? [read(2)] : []),
      ];
      return { scratch: [], dispatches: [{ shader, bindings }] };
    },
    cost: ({ batch, classes }) => ({ flops: flops * batch * classes, bytes: 8 * batch * classes }),
  };
}
