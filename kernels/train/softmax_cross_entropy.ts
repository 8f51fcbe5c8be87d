/**
 * Softmax, cross-entropy and its gradient, for one label per example:
 *
 *   loss[n] = weight[label] * (log(sum over k of exp(z[n,k])) - sum over k of q[k] * z[n,k])
 *   dz[n,k] = weight[label] * (softmax(z[n])[k] - q[k]) / examples
 *   error: the first largest logit is not the label's
 *
 * where q is 1 for the label and 0 else; with label smoothing s (Szegedy et al. 2016, arXiv 1512.00567, section 7) it is
 * 1 - s + s / classes for the label and s / classes else. Logits are taken less the largest one, so that no digits are lost.
 *
 * An example whose label is NO_LABEL pads an incomplete batch: its results and gradient are 0.
 */
import { NO_LABEL } from "../labels.ts";
import { f32 } from "../wgsl.ts";
import { type LossKernel, lossKernel } from "./loss_kernel.ts";

/** The constants of the formula. */
export interface SoftmaxConstants {
  /** Absent: 0. */
  readonly labelSmoothing?: number;
  /** One for each class; absent: 1 for all. */
  readonly classWeights?: readonly number[];
}

/** WGSL for the loss, less log(sum), and for q[k]; `label`, `largest` and `row` are there. */
function smoothed(classes: number, smoothing: number) {
  const own = "largest - logits[row + label]", isLabel = "k == label";
  if (smoothing === 0) return { sum: "", loss: own, wanted: `select(0.0, 1.0, ${isLabel})` };
  const each = smoothing / classes, most = 1 - smoothing;
  return {
    sum: `  var others = 0.0;
  for (var k = 0u; k < ${classes}u; k++) { others += largest - logits[row + k]; }\n`,
    loss: `${f32(most)} * (${own}) + ${f32(each)} * others`,
    wanted: `select(${f32(each)}, ${f32(most + each)}, ${isLabel})`,
  };
}

/** Reads labels u32 [batch]. */
export const softmaxCrossEntropy: LossKernel<SoftmaxConstants> = lossKernel({
  name: "softmax_cross_entropy",
  target: "labels: array<u32>",
  flops: 6,
  example({ classes, labelSmoothing = 0, classWeights }, dlogits, share) {
    const { sum, loss, wanted } = smoothed(classes, labelSmoothing), weighted = classWeights !== undefined;
    const weights = `  var weights = array<f32, ${classes}>(${classWeights?.map((each) => f32(each)).join(", ")});
  let weight = weights[label];\n`;
    return `  let label = labels[i];
  if (label == ${NO_LABEL}u) {
    results[i] = vec4f();
    ${dlogits("0.0")}
    return;
  }
  var largest = logits[row];
  var predicted = 0u;
  for (var k = 1u; k < ${classes}u; k++) {
    if (logits[row + k] > largest) { largest = logits[row + k]; predicted = k; }
  }
  var sum = 0.0;
  for (var k = 0u; k < ${classes}u; k++) { sum += exp(logits[row + k] - largest); }
${sum}${weighted ? weights : ""}  let loss = ${weighted ? "weight * " : ""}(log(sum) + (${loss}));
  results[i] = vec4f(loss, select(0.0, 1.0, predicted != label), 1.0, 0.0);
  ${dlogits(`${weighted ? "weight * " : ""}(exp(logits[row + k] - largest) / sum - ${wanted}) * ${share}`)}`;
  },
});
