/** All layers: the union of their schemas, and `buildNetwork`. To add a layer, add one line to each of the two. */
import { z } from "zod";
import { type Layer, sequential } from "../core/layer.ts";
import { conv, convSchema } from "./conv.ts";
import { dropout, dropoutSchema } from "./dropout.ts";
import { globalAveragePool, globalAveragePoolSchema } from "./global_average_pool.ts";
import { maxPool, maxPoolSchema } from "./max_pool.ts";

/** One entry of `network:` in a config. */
export const layerSchema = z.union([convSchema, dropoutSchema, maxPoolSchema, globalAveragePoolSchema]);
export type LayerConfig = z.output<typeof layerSchema>;

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

/** The network of a config: its layers in order. Throws `UserError` where two layers share a name. */
export function buildNetwork(name: string, layers: readonly LayerConfig[]): Layer {
  return sequential(name, buildLayers(layers));
}
