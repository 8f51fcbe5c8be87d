/** All losses. To add one, write its file and name it in the list. */
import { type Choice, choiceOf, type ConfigOf } from "../kind.ts";
import { softmaxCrossEntropy } from "./softmax_cross_entropy.ts";

const KINDS = [softmaxCrossEntropy] as const;

/** What `training.loss` of a config says. */
export type LossConfig = ConfigOf<typeof KINDS[number]>;
export const losses: Choice<typeof KINDS[number]> = choiceOf("loss", KINDS);
export const DEFAULT_LOSS: LossConfig = { softmaxCrossEntropy: {} };
