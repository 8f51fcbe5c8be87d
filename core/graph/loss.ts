/** Losses: what training makes small, and what counts as an error. */
import type { LossKernel } from "../../kernels/train/loss_kernel.ts";
import { type Op, op } from "./op.ts";
import type { Shape, Tensor } from "./tensor.ts";

/** Where the gradient of the mean loss of `examples`, which may be more than the batch, is to go. */
export interface LossGradient {
  readonly dlogits: Tensor;
  readonly examples: number;
  /** What it is multiplied by (core/device/loss_scale_buffer.ts); null: nothing. */
  readonly lossScale: Tensor | null;
}

export interface Loss {
  /** What logits [batch, classes] are compared with. */
  target(logits: Shape): Pick<Tensor, "shape" | "dtype">;
  /**
   * Ops that write `results` [batch, 4], for each example (loss, 1 if it counts as an error, 1 if it counts at all, 0), and
   * the gradient, if asked for. One that pads an incomplete batch counts nothing and has a gradient of 0.
   */
  ops(logits: Tensor, target: Tensor, results: Tensor, gradient: LossGradient | null): readonly Op[];
}

/** The loss of a kernel that compares each example's logits with its label, u32 [batch]. */
export function labelLoss<Constants>(kernel: LossKernel<Constants>, constants: Constants): Loss {
  return {
    target: ([batch]) => ({ shape: [batch!], dtype: "u32" }),
    ops(logits, labels, results, gradient) {
      const [batch, classes] = logits.shape as [number, number], lossScale = gradient?.lossScale ?? null;
      const scaled = lossScale === null ? {} : { scaled: true } as const;
      const wanted = gradient && { examples: gradient.examples, ...scaled };
      return [op(kernel, { batch, classes, ...constants, gradient: wanted }, {
        label: "loss",
        reads: lossScale === null ? [logits, labels] : [logits, labels, lossScale],
        writes: gradient === null ? [results] : [results, gradient.dlogits],
      })];
    },
  };
}
