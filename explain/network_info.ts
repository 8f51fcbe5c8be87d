/** A network as `allcnn show` and the page's diagram tell of it: a tree of layers with shapes, work and receptive fields. */
import type { Config } from "../configs/schema.ts";
import { layersOf } from "../configs/width.ts";
import type { Layer, ParamSpecs } from "../core/graph/layer.ts";
import { elements, type Shape } from "../core/graph/tensor.ts";
import { definitionOf } from "../training/model.ts";
import { receptiveField } from "./receptive_field.ts";

/** A layer; of one that holds layers, what they have together. */
export interface LayerInfo {
  /** Its path in the network: "block1/conv1". */
  readonly name: string;
  /** "3x3 convolution, stride 2, ReLU"; empty where nothing describes it. */
  readonly what: string;
  readonly output: readonly [height: number, width: number, channels: number];
  /** Weights and biases. */
  readonly parameters: number;
  /** Products with weights in one forward pass of one image: the conventional measure of a network's work. */
  readonly multiplications: number;
  /** What one unit sees of the image, and how far its neighbour's view lies from it, in pixels. */
  readonly field: { readonly height: number; readonly width: number; readonly stride: number };
  /** The layers that it holds, in order. */
  readonly layers: readonly LayerInfo[];
}

type LayerConfig = Config["network"][number];

/** The layers of a config, in order. Throws `UserError` where the shapes do not fit. */
export function networkInfo(config: Config): LayerInfo[] {
  const { network, input } = definitionOf(config), written = layersOf(config);

  function infos(parent: Layer, prefix: string, shape: Shape): LayerInfo[] {
    return parent.layers!.map((layer, index): LayerInfo => {
      const name = `${prefix}${layer.name}`, layers = layer.layers === undefined ? [] : infos(layer, `${name}/`, shape);
      const { output, params } = layer.init(shape), { height, width, stride } = receptiveField(network, input, name);
      shape = output;
      const own = prefix === "" ? written[index] : undefined;
      return {
        name,
        what: own === undefined ? "" : describe(own),
        output: output.slice(1) as [number, number, number],
        parameters: Object.values(params).reduce((sum, { shape }) => sum + elements(shape), 0),
        multiplications: layers.length > 0
          ? layers.reduce((sum, { multiplications }) => sum + multiplications, 0)
          : multiplicationsOf(params, output),
        field: { height, width, stride },
        layers,
      };
    });
  }

  return infos(network, "", [1, ...input]);
}

/** The layers that hold no others, in order. */
export function leavesOf(layers: readonly LayerInfo[]): LayerInfo[] {
  return layers.flatMap((layer) => layer.layers.length === 0 ? [layer] : leavesOf(layer.layers));
}

/** Each output sums as many products as the weights that are drawn have inputs. */
function multiplicationsOf(params: ParamSpecs, output: Shape): number {
  const fans = Object.values(params).map(({ init }) => "fanIn" in init ? init.fanIn : 0);
  return elements(output) * fans.reduce((sum, fan) => sum + fan, 0);
}

function describe(layer: LayerConfig): string {
  const every = (stride: number) => stride === 1 ? "" : `, stride ${stride}`;
  if (layer === "globalAveragePool") return "average of all positions";
  if ("dropout" in layer) return `dropout ${layer.dropout.rate}, in training only`;
  if ("maxPool" in layer) {
    const { kernel, stride } = layer.maxPool;
    return `${kernel}x${kernel} max pooling${every(stride)}`;
  }
  const { kernel, stride, activation } = layer.conv;
  const then = activation === "none" ? "" : activation === "relu" ? ", ReLU" : ", leaky ReLU";
  return `${kernel}x${kernel} convolution${every(stride)}${then}`;
}
