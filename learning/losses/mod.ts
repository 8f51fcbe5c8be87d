/** All losses. To add one, write its file and name it in the list. */
import type { Loss } from "../../core/graph/loss.ts";
import { checkOptions } from "../../core/kinds/check_options.ts";
import { type Choice, choiceOf } from "../kind.ts";
import { meanSquaredError } from "./mean_squared_error.ts";
import { sigmoidCrossEntropy } from "./sigmoid_cross_entropy.ts";
import { softmaxCrossEntropy, type SoftmaxOptions } from "./softmax_cross_entropy.ts";

const KINDS = [softmaxCrossEntropy, sigmoidCrossEntropy, meanSquaredError] as const;

/** What `training.loss` of a config says. */
export type LossConfig =
  | { readonly softmaxCrossEntropy: SoftmaxOptions }
  | { readonly sigmoidCrossEntropy: Readonly<Record<string, never>> }
  | { readonly meanSquaredError: Readonly<Record<string, never>> };
/** All losses; the type above names each of them. */
export const losses: Choice<typeof KINDS[number]> = choiceOf("loss", KINDS);

/** A loss of its config, checked, or one's own as it is. Throws `UserError` on one that is not allowed. */
export function lossOf(given: LossConfig | Loss): Loss {
  return "ops" in given ? given : losses.build(checkOptions(losses.schema, given, "Cannot use this loss"));
}

export const DEFAULT_LOSS: LossConfig = { softmaxCrossEntropy: {} };
