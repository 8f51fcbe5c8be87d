import type { LayerConfig } from "../layers/layer_kind.ts";
import { mapEntries, namesOf, readEntry } from "../layers/network_config.ts";
import type { Config } from "./schema.ts";

/** Layers with strides replaced by max pooling: see `poolStrides`. */
export function pooledLayers(layers: readonly LayerConfig[]): readonly LayerConfig[] {
  return mapEntries(layers, ({ kind, options }, name) => kind.poolStride?.(name, options) ?? null);
}

/** What stands in `pooledLayers` for the layer at a path: of one that lost its stride, the pooling behind it. */
export function pooledPath(layers: readonly LayerConfig[], [name, ...rest]: readonly string[]): readonly string[] {
  const at = namesOf(layers).indexOf(name!), end = pooledLayers(layers.slice(0, at + 1)).length - 1;
  const inner = rest.length === 0 ? [] : pooledPath(readEntry(layers[at]!).layers, rest);
  return [namesOf(pooledLayers(layers))[end]!, ...inner];
}

/**
 * The config with each stride of a convolution replaced by max pooling behind it, as the paper does after training to
 * get switches (section 4 and appendix): stride 2 becomes stride 1 and 2x2 pooling with stride 2. Shapes stay, and the
 * parameters have the same names and fit, so a checkpoint of one loads into the other. The network computes something
 * else: the maximum of four outputs where it had one of them.
 *
 * @example
 * ```ts
 * const { network } = poolStrides(await loadConfig("allcnn-c"));
 * console.log(network[4]); // { maxPool: { kernel: 2, stride: 2 } }
 * ```
 */
export function poolStrides(config: Config): Config {
  return { ...config, network: pooledLayers(config.network) };
}
