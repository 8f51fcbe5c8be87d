/**
 * What the kernels of all optimizers share: they update one chunk of the arenas, one thread per element, by a formula.
 *
 * A formula never sees how its gradient came about. With `clear` it is a sum over the parts of a batch, and 0 afterwards,
 * so that the next step adds to it. With `scaled` it is divided by the loss scale, and nothing changes where it overflowed
 * (loss_scale.ts).
 */
import { LOSS_SCALE } from "./loss_scale.ts";
import { elementwise, STEP } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** The chunk that is updated. */
export interface UpdateProblem {
  /** Its elements. */
  readonly count: number;
  /** Are the gradients 0 afterwards, so that the parts of the next batch can be added to them? */
  readonly clear: boolean;
  /** Are the gradients multiplied by a loss scale? Absent: no. */
  readonly scaled?: true;
}

/**
 * Reads gradients, the step buffer and, with `scaled`, the loss scale; updates parameters and moments in place; with
 * `clear`, updates the gradients too.
 */
export interface UpdateKernel<Constants> extends Kernel<UpdateProblem & Constants, Fixed> {
  /** What it keeps beside the parameters: arrays of as many elements, 0 before the first step. */
  readonly moments: readonly string[];
}

/**
 * The kernel of an optimizer. `formula` is WGSL that sets `params[i]` and each moment's `[i]` from them, from `w`, the
 * parameter before the step, from the expression `gradient`, and from `step.learning_rate` and `step.step`.
 */
export function updateKernel<Constants>({ name, moments, flops, formula }: {
  readonly name: string;
  readonly moments: readonly string[];
  /** Operations per element. */
  readonly flops: number;
  readonly formula: (constants: Constants, gradient: string) => string;
}): UpdateKernel<Constants> {
  const arrays = ["params", ...moments];
  return {
    name,
    moments,
    tunings: () => FIXED,
    stages(problem) {
      const { count, clear, scaled = false } = problem, zero = clear ? "  grads[i] = 0.0;" : "";
      const declared = arrays.map((array, n) =>
        `@group(0) @binding(${2 + n}) var<storage, read_write> ${array}: array<f32>;`
      ).join("\n");
      const shader = elementwise(
        count,
        `${STEP}
@group(0) @binding(0) var<storage, ${clear ? "read_write" : "read"}> grads: array<f32>;
@group(0) @binding(1) var<storage, read> step: Step;
${declared}${
          scaled
            ? `${LOSS_SCALE}\n@group(0) @binding(${2 + arrays.length}) var<storage, read> loss_scale: LossScale;`
            : ""
        }`,
        `${scaled ? `  if (loss_scale.overflow != 0u) {\n${zero}\n    return;\n  }\n` : ""}  let w = params[i];
${formula(problem, scaled ? "grads[i] / loss_scale.scale" : "grads[i]")}
${zero}`,
      );
      const updated = arrays.map((_, n) => write(n)), reads = clear ? 0 : 1;
      const bindings = [clear ? write(arrays.length) : read(0), read(reads), ...updated];
      return { scratch: [], dispatches: [{ shader, bindings: scaled ? [...bindings, read(reads + 1)] : bindings }] };
    },
    cost: ({ count }) => ({ flops: flops * count, bytes: 4 * (1 + 2 * arrays.length) * count }),
  };
}
