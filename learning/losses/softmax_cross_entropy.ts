import * as z from "zod";
import { labelLoss, type Loss } from "../../core/graph/loss.ts";
import { softmaxCrossEntropy as kernel } from "../../kernels/train/softmax_cross_entropy.ts";
import type { LearningKind } from "../kind.ts";

/** What the loss of one class per example may be told. */
export interface SoftmaxOptions {
  /** Share of 1 that all classes get alike, in [0, 1); the default is 0. */
  readonly labelSmoothing?: number | undefined;
  /** What an example's loss is multiplied by, for each class; the default is 1 for all. */
  readonly classWeights?: readonly number[] | undefined;
}

/** Of one class per example; an error is an example whose largest output is not its class (paper 3.2). */
export const softmaxCrossEntropy: LearningKind<"softmaxCrossEntropy", Loss, SoftmaxOptions> = {
  key: "softmaxCrossEntropy",
  schema: z.strictObject({
    labelSmoothing: z.number().min(0).lt(1).optional().describe(
      "The share of 1 that all classes get alike, as the class that is right; default 0",
    ),
    classWeights: z.array(z.number().min(0).max(1e6)).min(1).optional().describe(
      "What the loss of an example is multiplied by, for each class; the mean is over examples. Default 1 for all",
    ),
  }).describe("For one class per example"),
  build: ({ labelSmoothing = 0, classWeights }) =>
    labelLoss(kernel, {
      ...(labelSmoothing !== 0 && { labelSmoothing }),
      ...(classWeights !== undefined && { classWeights }),
    }, classWeights?.length ?? null),
};
