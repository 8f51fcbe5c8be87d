import { UserError } from "../core/errors.ts";
import { poolStrides } from "../configs/pool_strides.ts";
import { definitionOf, type Model } from "../training/model.ts";

/**
 * The same model, on the same memory, with strides replaced by max pooling (`poolStrides`): what to explain with
 * switches. Close the original only. Throws `UserError` for a network that was built in code.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"));
 * console.log(layerNames(poolModel(model).network).filter((name) => name.startsWith("pool"))); // [ 'pool1', 'pool2', 'pool3' ]
 * ```
 */
export function poolModel(model: Model): Model {
  if (model.config === null) {
    throw new UserError(`Cannot pool the strides of "${model.network.name}": it has no config, build such a network`);
  }
  const config = poolStrides(model.config);
  return { ...model, config, network: definitionOf(config).network, predictors: new Map() };
}
