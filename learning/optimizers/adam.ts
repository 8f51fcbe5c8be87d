import * as z from "zod";
import { elementwiseOptimizer, type Optimizer } from "../../core/graph/optimizer.ts";
import { type AdamConstants, adamUpdate } from "../../kernels/train/adam.ts";
import { DECAY_BIASES, withoutDecay } from "./decay.ts";
import type { LearningKind } from "../kind.ts";

/** The options of Adam, defaults filled in. */
export interface AdamConfig extends AdamConstants {
  /** Does weight decay take hold of biases and scales too? The default is yes. */
  readonly decayBiases?: boolean | undefined;
}

/** `AdamConfig` as it is written: what is left out is as in PyTorch. */
export interface AdamOptions {
  /** Share of the gradient's running mean that is kept, in [0, 1); the default is 0.9. */
  readonly beta1?: number | undefined;
  /** Share of the running mean of its square that is kept, in [0, 1); the default is 0.999. */
  readonly beta2?: number | undefined;
  /** Added to the root that the step is divided by; the default is 1e-8. */
  readonly epsilon?: number | undefined;
  /** Share of a weight that is added to its gradient (`adam`, default 0) or taken from it (`adamw`, default 0.01). */
  readonly weightDecay?: number | undefined;
  /** Does weight decay take hold of biases and scales too? The default is yes. */
  readonly decayBiases?: boolean | undefined;
}

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
