/** A network as a diagram shows it: layer by layer, with shapes, parameters and receptive fields. */
import type { Config } from "../configs/schema.ts";
import { elements } from "../core/graph/tensor.ts";
import { receptiveField } from "../explain/receptive_field.ts";
import { describeLayer } from "../layers/layer_kind.ts";
import { type LayerNode, layerTree } from "../layers/tree.ts";
import { definitionOf } from "../training/definition.ts";
import type { LayerInfo } from "./protocol.ts";

/** The layers of a config, in order, those that a layer holds before it. Throws `UserError` where shapes do not fit. */
export function networkInfo(config: Config): LayerInfo[] {
  const { network, input } = definitionOf(config);
  const infos = ({ layer, path, output, params, inner }: LayerNode): LayerInfo[] => {
    const { height, width, stride } = receptiveField(network, input, path);
    const held = new Set(inner.flatMap((each) => Object.keys(each.params).map((name) => `${each.layer.name}/${name}`)));
    const own = Object.entries(params).filter(([name]) => !held.has(name));
    return [...inner.flatMap(infos), {
      name: path,
      what: describeLayer(layer),
      output: output.slice(1) as [number, number, number],
      parameters: own.reduce((sum, [, { shape }]) => sum + elements(shape), 0),
      field: { height, width, stride },
    }];
  };
  return layerTree(network, [1, ...input]).inner.flatMap(infos);
}
