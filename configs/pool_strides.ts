import type { LayerConfig } from "../layers/mod.ts";
import type { Config } from "./schema.ts";

/** Does a layer step over positions: what `poolStrides` replaces? */
export function isStrided(layer: LayerConfig): layer is Extract<LayerConfig, { conv: unknown }> {
  return layer !== "globalAveragePool" && "conv" in layer && layer.conv.stride > 1;
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
  return {
    ...config,
    network: config.network.flatMap((layer): LayerConfig[] => {
      if (!isStrided(layer)) return [layer];
      const { stride } = layer.conv;
      return [{ conv: { ...layer.conv, stride: 1 } }, { maxPool: { kernel: stride, stride } }];
    }),
  };
}
