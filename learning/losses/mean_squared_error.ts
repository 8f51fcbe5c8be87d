import * as z from "zod";
import { type Loss, targetLossOf } from "../../core/graph/loss.ts";
import type { LearningKind } from "../kind.ts";

/**
 * Of outputs that are numbers: (y - t)^2, mean over outputs. The error is the share of outputs that are more than 1/2 off,
 * so where targets are whole numbers, of those that round to another.
 */
export const meanSquaredError: LearningKind<"meanSquaredError", Loss, Readonly<Record<string, never>>> = {
  key: "meanSquaredError",
  schema: z.strictObject({}).describe("For outputs that are numbers"),
  build: () =>
    targetLossOf("mean_squared_error", { loss: "(y - t) * (y - t)", dy: "2.0 * (y - t)", error: "abs(y - t) > 0.5" }),
};
