import * as z from "zod";
import { elementwiseOptimizer, type Optimizer } from "../../core/graph/optimizer.ts";
import { DECAY_BIASES, withoutDecay } from "./decay.ts";
import { type SgdConstants, sgdUpdate } from "../../kernels/train/sgd.ts";
import type { LearningKind } from "../kind.ts";

/** The options of stochastic gradient descent. */
export interface SgdOptions {
  /** Share of the velocity that is kept, in [0, 1). */
  readonly momentum: number;
  /** Share of a weight that is added to its gradient, in [0, 1]. */
  readonly weightDecay: number;
  /** Look ahead by the momentum? The default is no. */
  readonly nesterov?: boolean | undefined;
  /** Does weight decay take hold of biases and scales too? The default is yes. */
  readonly decayBiases?: boolean | undefined;
}

/** Stochastic gradient descent with momentum; weight decay on weights and biases (paper 3.2) unless said otherwise. */
export const sgd: LearningKind<"sgd", Optimizer, SgdOptions> = {
  key: "sgd",
  schema: z.strictObject({
    momentum: z.number().min(0).lt(1),
    weightDecay: z.number().min(0).max(1),
    nesterov: z.boolean().optional().describe("Look ahead by the momentum (Sutskever et al. 2013); default false"),
    decayBiases: DECAY_BIASES,
  }),
  build({ nesterov = false, decayBiases, ...rest }) {
    const constants: SgdConstants = { ...rest, ...(nesterov && { nesterov }) };
    return elementwiseOptimizer(sgdUpdate, constants, withoutDecay(constants, decayBiases));
  },
};
