/**
 * Losses that compare each output y of an example with a target t of its own, by an expression:
 *
 *   loss[n] = mean over k of loss(y[n,k], t[n,k])
 *   dy[n,k] = d loss / dy, divided by outputs * examples
 *   error: the share of outputs k for which `error` holds
 *
 * An example whose first target is NO_TARGET pads an incomplete batch: its results and gradient are 0.
 */
import { NO_TARGET } from "../labels.ts";
import { f32 } from "../wgsl.ts";
import { type LossKernel, lossKernel } from "./loss_kernel.ts";

/** WGSL expressions of f32 y and t; `error` is a bool. */
export interface TargetLossConstants {
  /** The loss of an output. */
  readonly loss: string;
  /** Its derivative by y. */
  readonly dy: string;
  /** Does the output count as wrong? A bool. */
  readonly error: string;
}

/** The kernel of such a loss. Targets are f32 [batch, outputs]. */
export const targetLoss = (name: string): LossKernel<TargetLossConstants> =>
  lossKernel({
    name,
    target: "targets: array<f32>",
    flops: 4,
    example: ({ classes, loss, error }, dlogits, share) =>
      `  if (targets[row] >= ${f32(NO_TARGET)}) {
    results[i] = vec4f();
    ${dlogits("0.0")}
    return;
  }
  var sum = 0.0;
  var errors = 0.0;
  for (var k = 0u; k < ${classes}u; k++) {
    let y = logits[row + k];
    let t = targets[row + k];
    sum += ${loss};
    errors += select(0.0, 1.0, ${error});
  }
  results[i] = vec4f(sum / ${f32(classes)}, errors / ${f32(classes)}, 1.0, 0.0);
  ${dlogits(`derivative(logits[row + k], targets[row + k]) / ${f32(classes)} * ${share}`)}`,
    functions: ({ dy }) => `fn derivative(y: f32, t: f32) -> f32 { return ${dy}; }\n`,
  });
