/** All optimizers. To add one, write its file and name it in the list. */
import { type Choice, choiceOf, type ConfigOf } from "../kind.ts";
import { adam } from "./adam.ts";
import { adamw } from "./adamw.ts";
import { sgd } from "./sgd.ts";

const KINDS = [sgd, adam, adamw] as const;

/** What `training.optimizer` of a config says. */
export type OptimizerConfig = ConfigOf<typeof KINDS[number]>;
export const optimizers: Choice<typeof KINDS[number]> = choiceOf("optimizer", KINDS);
