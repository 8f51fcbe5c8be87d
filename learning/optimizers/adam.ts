import * as z from "zod";
import { elementwiseOptimizer, type Optimizer } from "../../core/graph/optimizer.ts";
import { type AdamConstants, adamUpdate } from "../../kernels/train/adam.ts";
import type { LearningKind } from "../kind.ts";

/** `AdamConstants` as they are written: what is left out is as in PyTorch. */
export type AdamOptions = { readonly [Key in keyof AdamConstants]?: AdamConstants[Key] | undefined };

/** The options of Adam, with the weight decay that is used where none is given. */
export const adamSchema = (weightDecay: number): z.ZodType<AdamConstants, AdamOptions> =>
  z.strictObject({
    beta1: z.number().min(0).lt(1).default(0.9).describe("Of the gradient's running mean"),
    beta2: z.number().min(0).lt(1).default(0.999).describe("Of its square's"),
    epsilon: z.number().min(1e-30).max(1).default(1e-8).describe("Added to the root that the step is divided by"),
    weightDecay: z.number().min(0).max(1).default(weightDecay),
  });

/** Adam; weight decay is added to the gradient, on weights and biases. */
export const adam: LearningKind<"adam", Optimizer, AdamConstants, AdamOptions> = {
  key: "adam",
  schema: adamSchema(0),
  build: (constants) => elementwiseOptimizer(adamUpdate, { ...constants, decoupled: false }),
};
