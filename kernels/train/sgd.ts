/**
 * Stochastic gradient descent with momentum and weight decay, Caffe's convention:
 *
 *   v[i] = momentum * v[i] - learningRate * (g[i] + weightDecay * w[i])
 *   w[i] = w[i] + v[i]                                                   or, with Nesterov's momentum,
 *   w[i] = w[i] + momentum * v[i] - learningRate * (g[i] + weightDecay * w[i])
 *
 * which at a rate that stays is PyTorch's, whose velocity is not multiplied by the rate.
 */
import { f32 } from "../wgsl.ts";
import { type UpdateKernel, updateKernel } from "./update_kernel.ts";

/** The constants of the formula. */
export interface SgdConstants {
  /** Share of the velocity that is kept, in [0, 1). */
  readonly momentum: number;
  /** Share of a weight that is added to its gradient. */
  readonly weightDecay: number;
  /** Absent: false. */
  readonly nesterov?: boolean | undefined;
}

/** The update of one chunk. */
export const sgdUpdate: UpdateKernel<SgdConstants> = updateKernel({
  name: "sgd",
  moments: ["velocity"],
  flops: 5,
  formula({ momentum, weightDecay, nesterov }, gradient) {
    const change = `step.learning_rate * (${gradient} + ${f32(weightDecay)} * w)`;
    if (nesterov !== true) {
      return `  let v = ${f32(momentum)} * velocity[i] - ${change};
  velocity[i] = v;
  params[i] = w + v;`;
    }
    return `  let change = ${change};
  let v = ${f32(momentum)} * velocity[i] - change;
  velocity[i] = v;
  params[i] = w + ${f32(momentum)} * v - change;`;
  },
});
