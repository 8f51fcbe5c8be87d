/** All losses. To add one, write its file and name it in the list. */
import type * as z from "zod";
import type { Loss } from "../../core/graph/loss.ts";
import { checkOptions } from "../../core/host/check_options.ts";
import { type Choice, choiceOf, type ConfigOf } from "../kind.ts";
import { meanSquaredError } from "./mean_squared_error.ts";
import { sigmoidCrossEntropy } from "./sigmoid_cross_entropy.ts";
import { softmaxCrossEntropy } from "./softmax_cross_entropy.ts";

const KINDS = [softmaxCrossEntropy, sigmoidCrossEntropy, meanSquaredError] as const;

/** What `training.loss` of a config says. */
export type LossConfig = ConfigOf<typeof KINDS[number]>;
export const losses: Choice<typeof KINDS[number]> = choiceOf("loss", KINDS);

/** A loss of its config, checked, or one's own as it is. Throws `UserError` on one that is not allowed. */
export function lossOf(given: z.input<typeof losses.schema> | Loss): Loss {
  return "ops" in given ? given : losses.build(checkOptions(losses.schema, given, "Cannot use this loss"));
}

export const DEFAULT_LOSS: LossConfig = { softmaxCrossEntropy: {} };
