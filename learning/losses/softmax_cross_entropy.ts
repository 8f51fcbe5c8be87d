import * as z from "zod";
import { labelLoss, type Loss } from "../../core/graph/loss.ts";
import { softmaxCrossEntropy as kernel } from "../../kernels/train/softmax_cross_entropy.ts";
import type { LearningKind } from "../kind.ts";

/** Of one class per example; an error is an example whose largest output is not its class (paper 3.2). */
export const softmaxCrossEntropy: LearningKind<"softmaxCrossEntropy", Loss, Readonly<Record<string, never>>> = {
  key: "softmaxCrossEntropy",
  schema: z.strictObject({}).describe("For one class per example"),
  build: () => labelLoss(kernel, {}),
};
