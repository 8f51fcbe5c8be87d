import * as z from "zod";
import { elementwiseOptimizer, type Optimizer } from "../../core/graph/optimizer.ts";
import { type AdamConstants, adamUpdate } from "../../kernels/train/adam.ts";
import { DECAY_BIASES, withoutDecay } from "./decay.ts";
import type { LearningKind } from "../kind.ts";

/** The options of Adam, defaults filled in. */
export interface AdamConfig extends AdamConstants {
  readonly decayBiases?: boolean | undefined;
}

/** `AdamConfig` as it is written: what is left out is as in PyTorch. */
export type AdamOptions = { readonly [Key in keyof AdamConfig]?: AdamConfig[Key] | undefined };

/** The options of Adam, with the weight decay that is used where none is given. */
export const adamSchema = (weightDecay: number): z.ZodType<AdamConfig, AdamOptions> =>
  z.strictObject({
    beta1: z.number().min(0).lt(1).default(0.9).describe("Of the gradient's running mean"),
    beta2: z.number().min(0).lt(1).default(0.999).describe("Of its square's"),
    epsilon: z.number().min(1e-30).max(1).default(1e-8).describe("Added to the root that the step is divided by"),
    weightDecay: z.number().min(0).max(1).default(weightDecay),
    decayBiases: DECAY_BIASES,
  });

/** Adam of these options; decoupled or not. */
export function adamOf({ decayBiases, ...rest }: AdamConfig, decoupled: boolean): Optimizer {
  const constants = { ...rest, decoupled };
  return elementwiseOptimizer(adamUpdate, constants, withoutDecay(constants, decayBiases));
}

/** Adam; weight decay is added to the gradient, on weights and biases unless said otherwise. */
export const adam: LearningKind<"adam", Optimizer, AdamConfig, AdamOptions> = {
  key: "adam",
  schema: adamSchema(0),
  build: (options) => adamOf(options, false),
};
