/** All optimizers. To add one, write its file and name it in the list. */
import { type Choice, choiceOf } from "../kind.ts";
import { adam, type AdamConfig, type AdamOptions } from "./adam.ts";
import { adamw } from "./adamw.ts";
import { sgd, type SgdOptions } from "./sgd.ts";

const KINDS = [sgd, adam, adamw] as const;

/** What `training.optimizer` of a config says, checked, defaults filled in. */
export type OptimizerConfig = { readonly sgd: SgdOptions } | { readonly adam: AdamConfig } | {
  readonly adamw: AdamConfig;
};
/** `OptimizerConfig` as it is written. */
export type OptimizerOptions = { readonly sgd: SgdOptions } | { readonly adam: AdamOptions } | {
  readonly adamw: AdamOptions;
};
/** All optimizers; the types above name each of them. */
export const optimizers: Choice<typeof KINDS[number]> = choiceOf("optimizer", KINDS);
