/** A network as a diagram shows it: layer by layer, with shapes, parameters and receptive fields. */
import { layersOf } from "../configs/width.ts";
import type { Config } from "../configs/schema.ts";
import { elements, type Shape } from "../core/graph/tensor.ts";
import { receptiveField } from "../explain/receptive_field.ts";
import type { LayerConfig } from "../layers/mod.ts";
import { definitionOf } from "../training/model.ts";
import type { LayerInfo } from "./protocol.ts";

/** The layers of a config, in order. Throws `UserError` where the shapes do not fit. */
export function networkInfo(config: Config): LayerInfo[] {
  const { network, input } = definitionOf(config);
  let shape: Shape = [1, ...input];
  return network.layers!.map((layer, index) => {
    const { output, params } = layer.init(shape);
    shape = output;
    const { height, width, stride } = receptiveField(network, input, layer.name);
    return {
      name: layer.name,
      what: describe(layersOf(config)[index]!),
      output: output.slice(1) as [number, number, number],
      parameters: Object.values(params).reduce((sum, { shape }) => sum + elements(shape), 0),
      field: { height, width, stride },
    };
  });
}

function describe(layer: LayerConfig): string {
  const every = (stride: number) => stride === 1 ? "" : `, stride ${stride}`;
  if (layer === "globalAveragePool") return "average of all positions";
  if ("dropout" in layer) return `dropout ${layer.dropout.rate}, off here`;
  if ("maxPool" in layer) {
    const { kernel, stride } = layer.maxPool;
    return `${kernel}x${kernel} max pooling${every(stride)}`;
  }
  const { kernel, stride, activation } = layer.conv;
  const then = activation === "none" ? "" : activation === "relu" ? ", ReLU" : ", leaky ReLU";
  return `${kernel}x${kernel} convolution${every(stride)}${then}`;
}
