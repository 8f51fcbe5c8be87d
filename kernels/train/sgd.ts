/**
 * Stochastic gradient descent with momentum and weight decay, Caffe's convention (not Nesterov):
 *
 *   v[i] = momentum * v[i] - learningRate * (g[i] + weightDecay * w[i])
 *   w[i] = w[i] + v[i]
 *
 * on one chunk of the arenas. The learning rate is data, in the step buffer. With `clear`, the gradients are 0
 * afterwards: the next step adds to them. With `scaled`, g is the gradient divided by the loss scale, and nothing changes
 * where that overflowed (loss_scale.ts). One thread per element.
 */
import { LOSS_SCALE } from "./loss_scale.ts";
import { elementwise, f32, STEP } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

export interface SgdProblem {
  readonly count: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly clear: boolean;
  /** Are the gradients multiplied by a loss scale? Absent: no. */
  readonly scaled?: true;
}

/**
 * Reads gradients, the step buffer and, with `scaled`, the loss scale; updates parameters and velocity in place; with
 * `clear`, updates the gradients too.
 */
export const sgdUpdate: Kernel<SgdProblem, Fixed> = {
  name: "sgd",
  tunings: () => FIXED,
  stages({ count, momentum, weightDecay, clear, scaled = false }) {
    const zero = clear ? "  grads[i] = 0.0;" : "";
    const shader = elementwise(
      count,
      `${STEP}
@group(0) @binding(0) var<storage, ${clear ? "read_write" : "read"}> grads: array<f32>;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read_write> params: array<f32>;
@group(0) @binding(3) var<storage, read_write> velocity: array<f32>;${
        scaled ? `${LOSS_SCALE}\n@group(0) @binding(4) var<storage, read> loss_scale: LossScale;` : ""
      }`,
      `${scaled ? `  if (loss_scale.overflow != 0u) {\n${zero}\n    return;\n  }\n` : ""}  let w = params[i];
  let v = ${f32(momentum)} * velocity[i] - step.learning_rate * (${
        scaled ? "grads[i] / loss_scale.scale" : "grads[i]"
      } + ${f32(weightDecay)} * w);
  velocity[i] = v;
  params[i] = w + v;
${zero}`,
    );
    const own = clear ? [write(2), read(0), write(0), write(1)] : [read(0), read(1), write(0), write(1)];
    const bindings = scaled ? [...own, read(clear ? 1 : 2)] : own;
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost: ({ count }) => ({ flops: 5 * count, bytes: 20 * count }),
};
