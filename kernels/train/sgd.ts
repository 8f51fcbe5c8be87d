/**
 * Stochastic gradient descent with momentum and weight decay, Caffe's convention (not Nesterov):
 *
 *   v[i] = momentum * v[i] - learningRate * (g[i] + weightDecay * w[i])
 *   w[i] = w[i] + v[i]
 */
import { f32 } from "../wgsl.ts";
import { type UpdateKernel, updateKernel } from "./update_kernel.ts";

export interface SgdConstants {
  readonly momentum: number;
  readonly weightDecay: number;
}

export const sgdUpdate: UpdateKernel<SgdConstants> = updateKernel({
  name: "sgd",
  moments: ["velocity"],
  flops: 5,
  formula: ({ momentum, weightDecay }, gradient) =>
    `  let v = ${f32(momentum)} * velocity[i] - step.learning_rate * (${gradient} + ${f32(weightDecay)} * w);
  velocity[i] = v;
  params[i] = w + v;`,
});
