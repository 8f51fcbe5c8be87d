import { pooledLayers, pooledPath } from "../configs/pool_strides.ts";
import type { Layer } from "../core/graph/layer.ts";
import { UserError } from "../core/host/errors.ts";
import { kindOf, type LayerConfig } from "../layers/layer_kind.ts";
import { buildNetwork, entriesOf } from "../layers/network_config.ts";
import type { Model } from "../training/model.ts";
import { upTo } from "./layer_of.ts";

/** Does a layer step over positions: what `poolModel` replaces by max pooling? */
export function isStrided(layer: Layer): boolean {
  return (kindOf(layer)?.poolStride?.(layer.name, layer.made!.options) ?? null) !== null;
}

/** The layers of a network as plain data. Throws `UserError` where one is of no kind. */
function layersOf(network: Layer): readonly LayerConfig[] {
  const entries = entriesOf(network);
  if (entries === null || network.layers === undefined) {
    throw new UserError(
      `Cannot pool the strides of "${network.name}": it has layers of your own, build such a network`,
    );
  }
  return entries;
}

/**
 * The same model, on the same memory, with strides replaced by max pooling (`poolStrides`): what to explain with
 * switches. Close the original only. Throws `UserError` for a network with layers of one's own.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"));
 * console.log(layerNames(poolModel(model).network).filter((name) => name.startsWith("pool"))); // [ 'pool1', 'pool2', 'pool3' ]
 * ```
 */
export function poolModel(model: Model): Model {
  const { network: { name }, config } = model, layers = pooledLayers(layersOf(model.network));
  const pooled = config === null ? null : { ...config, network: layers, width: undefined };
  return { ...model, config: pooled, network: buildNetwork(name, layers) };
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
export function pooledLayer({ network }: Model, layer: string): string {
  upTo(network, layer); // or it says which layers there are
  return pooledPath(layersOf(network), layer.split("/")).join("/");
}
