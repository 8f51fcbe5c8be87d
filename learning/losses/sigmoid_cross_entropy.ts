import * as z from "zod";
import { type Loss, targetLossOf } from "../../core/graph/loss.ts";
import type { LearningKind } from "../kind.ts";

/** 1 / (1 + exp(-y)) */
const sigmoid = (y: number) => 1 / (1 + Math.exp(-y));

/**
 * Of any number of classes per example, each for itself: the binary cross-entropy of the sigmoid of an output with its
 * target 0 ... 1, mean over outputs. The error is the share of outputs on the wrong side of 1/2: the Hamming loss.
 */
export const sigmoidCrossEntropy: LearningKind<"sigmoidCrossEntropy", Loss, Readonly<Record<string, never>>> = {
  key: "sigmoidCrossEntropy",
  schema: z.strictObject({}).describe("For any number of classes per example"),
  build: () =>
    targetLossOf("sigmoid_cross_entropy", {
      loss: "max(y, 0.0) - y * t + log(1.0 + exp(-abs(y)))",
      dy: "1.0 / (1.0 + exp(-y)) - t",
      error: "(y > 0.0) != (t > 0.5)",
    }, (outputs) => outputs.map(sigmoid)),
};
