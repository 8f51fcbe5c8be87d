/** Losses: what training makes small, and what counts as an error. */
import type { LossKernel } from "../../kernels/train/loss_kernel.ts";
import { targetLoss, type TargetLossConstants } from "../../kernels/train/target_loss.ts";
import { UserError } from "../host/errors.ts";
import { type Op, op } from "./op.ts";
import type { Shape, Tensor } from "./tensor.ts";

/** Where the gradient of the mean loss of `examples`, which may be more than the batch, is to go. */
export interface LossGradient {
  /** Where it goes: [batch, classes]. */
  readonly dlogits: Tensor;
  /** The examples that the mean is over: all of a step. */
  readonly examples: number;
  /** What it is multiplied by (core/device/loss_scale_buffer.ts); null: nothing. */
  readonly lossScale: Tensor | null;
}

/** A loss of one's own is such a record; `elementwiseLoss` makes one of expressions. */
export interface Loss {
  /**
   * What outputs [batch, classes] are compared with: labels u32 [batch], or targets f32 [batch, classes]. Throws `UserError`
   * where the outputs are not such.
   */
  target(logits: Shape): Pick<Tensor, "shape" | "dtype">;
  /**
   * Ops that write `results` [batch, 4], for each example (loss, how much of an error it is, 1 if it counts at all, 0), and
   * the gradient, if asked for. One that pads an incomplete batch (label `NO_LABEL`, first target `NO_TARGET`) counts
   * nothing and has a gradient of 0.
   */
  ops(logits: Tensor, target: Tensor, results: Tensor, gradient: LossGradient | null): readonly Op[];
  /** What outputs [count * classes] mean, as predictions tell it; absent: their softmax, as the probability of each class. */
  probabilities?(outputs: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer>;
}

/** The ops of a loss kernel, which compares outputs [batch, classes] with its target. */
function lossOf<Constants>(kernel: LossKernel<Constants>, constants: Constants): Loss["ops"] {
  return (logits, target, results, gradient) => {
    const [batch, classes] = logits.shape as [number, number], lossScale = gradient?.lossScale ?? null;
    const scaled = lossScale === null ? {} : { scaled: true } as const;
    const wanted = gradient && { examples: gradient.examples, ...scaled };
    return [op(kernel, { batch, classes, ...constants, gradient: wanted }, {
      label: "loss",
      reads: lossScale === null ? [logits, target] : [logits, target, lossScale],
      writes: gradient === null ? [results] : [results, gradient.dlogits],
    })];
  };
}

/** The loss of a kernel that compares each example's logits with its label, u32 [batch]; of so many classes, if it says so. */
export function labelLoss<Constants>(
  kernel: LossKernel<Constants>,
  constants: Constants,
  classes: number | null = null,
): Loss {
  return {
    target([batch, outputs]) {
      if (classes !== null && outputs !== classes) {
        throw new UserError(`Cannot use the loss: it has weights for ${classes} classes, the network has ${outputs}`);
      }
      return { shape: [batch!], dtype: "u32" };
    },
    ops: lossOf(kernel, constants),
  };
}

/** The loss of expressions of output y and target t, f32 (kernels/train/target_loss.ts); as they are, the outputs are told. */
export function targetLossOf(
  name: string,
  constants: TargetLossConstants,
  probabilities: Loss["probabilities"] & object = (outputs) => outputs,
): Loss {
  return {
    target: (logits) => ({ shape: logits, dtype: "f32" }),
    ops: lossOf(targetLoss(name), constants),
    probabilities,
  };
}

/** A loss in expressions of WGSL, of an output `y` and its target `t`, both f32. */
export interface LossExpressions {
  /** What is made small: the mean over outputs and examples. */
  readonly loss: string;
  /** Its derivative by y. */
  readonly dy: string;
  /** Does the output count as wrong? `abs(y - t) > 0.5` unless said otherwise. */
  readonly error?: string;
}

/**
 * A loss of one's own; `name` names its shader. Labels are targets, f32 [count, outputs], or classes, which become 1 for
 * the class and 0 for the others.
 *
 * @example
 * ```ts
 * const huber = elementwiseLoss("huber", {
 *   loss: "select(abs(y - t) - 0.5, 0.5 * (y - t) * (y - t), abs(y - t) < 1.0)",
 *   dy: "clamp(y - t, -1.0, 1.0)",
 * });
 * console.log(huber.target([32, 4])); // { shape: [ 32, 4 ], dtype: 'f32' }
 * ```
 */
export function elementwiseLoss(name: string, { loss, dy, error = "abs(y - t) > 0.5" }: LossExpressions): Loss {
  if (!/^\w+$/.test(name)) throw new UserError(`Cannot name a loss "${name}": use letters, digits and _`);
  return targetLossOf(name, { loss, dy, error });
}
