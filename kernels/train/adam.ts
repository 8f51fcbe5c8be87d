/**
 * Adam (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1), as PyTorch's Adam and AdamW have it, at step t = 1, 2, ...:
 *
 *   w[i] = w[i] * (1 - learningRate * weightDecay)            where the decay is decoupled (arXiv 1711.05101)
 *   g[i] = g[i] + weightDecay * w[i]                          where it is not
 *   m[i] = beta1 * m[i] + (1 - beta1) * g[i]
 *   v[i] = beta2 * v[i] + (1 - beta2) * g[i]^2
 *   w[i] = w[i] - learningRate * m[i] / (1 - beta1^t) / (sqrt(v[i] / (1 - beta2^t)) + epsilon)
 *
 * t is counted by the step buffer, so an update that mixed precision skips counts too.
 */
import { f32 } from "../wgsl.ts";
import { type UpdateKernel, updateKernel } from "./update_kernel.ts";

/** The constants of Adam's formula. */
export interface AdamConstants {
  /** Share of the first moment that is kept, in [0, 1). */
  readonly beta1: number;
  /** Share of the second moment that is kept, in [0, 1). */
  readonly beta2: number;
  /** Added to the root of the second moment. */
  readonly epsilon: number;
  /** Share of a weight that is added to its gradient or, decoupled, taken from it. */
  readonly weightDecay: number;
}

/**
 * WGSL for `correction` = 1 - beta^t of both, by the bits of t: 1 - ab = (1 - a) + (1 - b) - (1 - a)(1 - b). In float32
 * beta^t itself would lose what little it differs from 1 by in the first steps.
 */
const correction = ({ beta1, beta2 }: AdamConstants) =>
  `  var correction = vec2f();
  var power = vec2f(${f32(1 - beta1)}, ${f32(1 - beta2)});
  for (var t = step.step + 1u; t != 0u; t >>= 1u) {
    if ((t & 1u) != 0u) { correction += power - correction * power; }
    power += power - power * power;
  }`;

/** The update of one chunk; `decoupled` is AdamW. */
export const adamUpdate: UpdateKernel<AdamConstants & { readonly decoupled: boolean }> = updateKernel({
  name: "adam",
  moments: ["firstMoment", "secondMoment"],
  flops: 14,
  formula(constants, gradient) {
    const { beta1, beta2, epsilon, weightDecay, decoupled } = constants;
    return `${correction(constants)}
  let g = ${gradient}${decoupled ? "" : ` + ${f32(weightDecay)} * w`};
  let m = ${f32(beta1)} * firstMoment[i] + ${f32(1 - beta1)} * g;
  let v = ${f32(beta2)} * secondMoment[i] + ${f32(1 - beta2)} * g * g;
  firstMoment[i] = m;
  secondMoment[i] = v;
  let kept = ${decoupled ? `w - step.learning_rate * ${f32(weightDecay)} * w` : "w"};
  params[i] = kept - step.learning_rate * (m / correction.x) / (sqrt(v / correction.y) + ${f32(epsilon)});`;
  },
});
