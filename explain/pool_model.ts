import { UserError } from "../core/host/errors.ts";
import { isStrided, poolStrides } from "../configs/pool_strides.ts";
import { upTo } from "./layer_of.ts";
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
  return { ...model, config, network: definitionOf(config).network };
}

/**
 * What stands in the network of `poolModel` for a layer of `model`: of a convolution that lost its stride, the pooling
 * behind it; of pooling, a name with a higher number.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"));
 * console.log(pooledLayer(model, "conv2"), pooledLayer(model, "conv5")); // pool1 conv5
 * ```
 */
export function pooledLayer(model: Model, layer: string): string {
  upTo(model.network, layer); // or it says which layers there are
  const index = model.network.layers!.findIndex(({ name }) => name === layer), { network } = poolModel(model);
  return network.layers![index + model.config!.network.slice(0, index + 1).filter(isStrided).length]!.name;
}
