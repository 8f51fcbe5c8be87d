/** All layers: the union of their schemas, and `buildNetwork`. To add a layer, add one line to each of the two. */
import * as z from "zod";
import { type Layer, sequential } from "../core/graph/layer.ts";
import { conv, type ConvConfig, convSchema } from "./conv.ts";
import { dropout, type DropoutConfig, dropoutSchema } from "./dropout.ts";
import { globalAveragePool, globalAveragePoolSchema } from "./global_average_pool.ts";
import { maxPool, type MaxPoolConfig, maxPoolSchema } from "./max_pool.ts";

/** One entry of `network:` in a config, checked, defaults filled in. */
export type LayerConfig =
  | { readonly conv: ConvConfig }
  | { readonly dropout: DropoutConfig }
  | { readonly maxPool: MaxPoolConfig }
  | "globalAveragePool";
/** A zod schema of one entry of `network:`. */
export const layerSchema: z.ZodType<LayerConfig> = z.union([
  convSchema,
  dropoutSchema,
  maxPoolSchema,
  globalAveragePoolSchema,
]);

/** The first of its kind keeps the plain name. */
const numbered = (kind: string, number: number) => number === 1 ? kind : `${kind}${number}`;

/** The layer that a config entry describes; `number` counts the entries of its kind from 1 and names it. */
export function buildLayer(config: LayerConfig, number: (kind: string) => number): Layer {
  if (config === "globalAveragePool") return globalAveragePool(numbered(config, number(config)));
  if ("conv" in config) return conv(config.conv);
  if ("dropout" in config) return dropout(`dropout${number("dropout")}`, config.dropout);
  if ("maxPool" in config) return maxPool(`pool${number("pool")}`, config.maxPool);
  return config satisfies never;
}

/** The layers of a config, in order. */
export function buildLayers(layers: readonly LayerConfig[]): Layer[] {
  const counts: Record<string, number> = {};
  const number = (kind: string) => counts[kind] = (counts[kind] ?? 0) + 1;
  return layers.map((layer) => buildLayer(layer, number));
}

/**
 * The network of a config: its layers in order. Throws `UserError` where two layers share a name.
 *
 * @example
 * ```ts
 * const { name, network } = await loadConfig("allcnn-c");
 * console.log(buildNetwork(name, network).init([1, 32, 32, 3]).output); // [ 1, 1, 1, 10 ]
 * ```
 */
export function buildNetwork(name: string, layers: readonly LayerConfig[]): Layer {
  return sequential(name, buildLayers(layers));
}
