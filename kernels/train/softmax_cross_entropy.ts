/**
 * Softmax, cross-entropy and its gradient, for one label per example:
 *
 *   loss[n] = log(sum over k of exp(z[n,k])) - z[n, label]
 *   dz[n,k] = (softmax(z[n])[k] - (k == label)) / examples
 *   error: the first largest logit is not the label's
 *
 * An example whose label is NO_LABEL pads an incomplete batch: its results and gradient are 0.
 */
import { NO_LABEL } from "../labels.ts";
import { type LossKernel, lossKernel } from "./loss_kernel.ts";

export const softmaxCrossEntropy: LossKernel = lossKernel({
  name: "softmax_cross_entropy",
  target: "labels: array<u32>",
  flops: 6,
  example: ({ classes }, dlogits, share) =>
    `  let label = labels[i];
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
  let loss = log(sum) + largest - logits[row + label];
  results[i] = vec4f(loss, select(0.0, 1.0, predicted != label), 1.0, 0.0);
  ${dlogits(`(exp(logits[row + k] - largest) / sum - select(0.0, 1.0, k == label)) * ${share}`)}`,
});
