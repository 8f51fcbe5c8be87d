import { elementwiseOptimizer, type Optimizer } from "../../core/graph/optimizer.ts";
import { type AdamConstants, adamUpdate } from "../../kernels/train/adam.ts";
import type { LearningKind } from "../kind.ts";
import { type AdamOptions, adamSchema } from "./adam.ts";

/** Adam; weight decay shrinks weights and biases apart from the gradient (Loshchilov and Hutter 2019, arXiv 1711.05101). */
export const adamw: LearningKind<"adamw", Optimizer, AdamConstants, AdamOptions> = {
  key: "adamw",
  schema: adamSchema(0.01),
  build: (constants) => elementwiseOptimizer(adamUpdate, { ...constants, decoupled: true }),
};
