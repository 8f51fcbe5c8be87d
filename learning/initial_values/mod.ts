/** All ways to draw initial weights. To add one, write its file and name it in the list. */
import type { ParamSpecs } from "../../core/graph/layer.ts";
import { streamOf } from "../../core/graph/random.ts";
import { elements } from "../../core/graph/tensor.ts";
import { checkOptions } from "../../core/kinds/check_options.ts";
import { type Choice, choiceOf } from "../kind.ts";
import { glorotNormal } from "./glorot_normal.ts";
import { heNormal, type HeNormalConfig } from "./he_normal.ts";

const KINDS = [heNormal, glorotNormal] as const;

/** What `training.init` of a config says: initial weights are normal, by He's rule or Glorot's. */
export type InitConfig = { readonly heNormal: HeNormalConfig } | {
  readonly glorotNormal: Readonly<Record<string, never>>;
};
/** All of them; the type above names each. */
export const initialValues: Choice<typeof KINDS[number]> = choiceOf("init", KINDS);
export const DEFAULT_INIT: InitConfig = { heNormal: {} };

/** What `init` of code says, checked; the default where that is nothing. Throws `UserError` on what is not allowed. */
export function checkedInit(init: InitConfig = DEFAULT_INIT): InitConfig {
  return checkOptions(initialValues.schema, init, "Cannot draw initial values");
}

/**
 * Initial parameters: weights as `config` says, biases as their specs say. Each tensor draws from a stream of its own, so
 * adding a layer leaves the others as they were.
 */
export function initialParams(
  specs: ParamSpecs,
  seed: number,
  config: InitConfig = DEFAULT_INIT,
): Record<string, Float32Array> {
  const values = initialValues.build(config);
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, init }]) => {
      const count = elements(shape);
      if ("constant" in init) return [name, new Float32Array(count).fill(init.constant)];
      return [name, values(count, init, seed, streamOf(name))];
    }),
  );
}
