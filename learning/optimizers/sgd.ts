import * as z from "zod";
import { elementwiseOptimizer, type Optimizer } from "../../core/graph/optimizer.ts";
import { type SgdConstants, sgdUpdate } from "../../kernels/train/sgd.ts";
import type { LearningKind } from "../kind.ts";

/** Stochastic gradient descent with momentum; weight decay on weights and biases (paper 3.2). */
export const sgd: LearningKind<"sgd", Optimizer, SgdConstants> = {
  key: "sgd",
  schema: z.strictObject({ momentum: z.number().min(0).lt(1), weightDecay: z.number().min(0).max(1) }),
  build: (constants) => elementwiseOptimizer(sgdUpdate, constants),
};
