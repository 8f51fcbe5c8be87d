import type { Optimizer } from "../../core/graph/optimizer.ts";
import type { LearningKind } from "../kind.ts";
import { type AdamConfig, adamOf, type AdamOptions, adamSchema } from "./adam.ts";

/**
 * Adam; weight decay shrinks weights, and biases unless said otherwise, apart from the gradient (Loshchilov and Hutter
 * 2019, arXiv 1711.05101).
 */
export const adamw: LearningKind<"adamw", Optimizer, AdamConfig, AdamOptions> = {
  key: "adamw",
  schema: adamSchema(0.01),
  build: (options) => adamOf(options, true),
};
