/**
 * Stochastic gradient descent with momentum and weight decay, Caffe's convention (not Nesterov):
 *
 *   v[i] = momentum * v[i] - learningRate * (g[i] + weightDecay * w[i])
 *   w[i] = w[i] + v[i]
 *
 * on one window of the arenas. The learning rate is data, in the step buffer. One thread per element.
 */
import { elementwise, f32, STEP } from "./wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "./kernel.ts";

export interface SgdProblem {
  readonly count: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

/** Reads gradients and the step buffer, updates parameters and velocity in place. */
export const sgdUpdate: Kernel<SgdProblem, Fixed> = {
  name: "sgd",
  tunings: () => FIXED,
  stages({ count, momentum, weightDecay }) {
    const shader = elementwise(
      count,
      `${STEP}
@group(0) @binding(0) var<storage, read> grads: array<f32>;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read_write> params: array<f32>;
@group(0) @binding(3) var<storage, read_write> velocity: array<f32>;`,
      `  let w = params[i];
  let v = ${f32(momentum)} * velocity[i] - step.learning_rate * (grads[i] + ${f32(weightDecay)} * w);
  velocity[i] = v;
  params[i] = w + v;`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0), write(1)] }] };
  },
  cost: ({ count }) => ({ flops: 5 * count, bytes: 20 * count }),
};
