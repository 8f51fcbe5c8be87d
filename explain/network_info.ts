/** A network as `allcnn show` and the page's diagram tell of it: a tree of layers with shapes, work and receptive fields. */
import type { Config } from "../configs/schema.ts";
import type { ParamSpecs } from "../core/graph/layer.ts";
import { elements, type Shape } from "../core/graph/tensor.ts";
import { describeLayer, kindOf } from "../layers/layer_kind.ts";
import type { PerAxis } from "../kernels/per_axis.ts";
import { type LayerNode, layerTree } from "../layers/tree.ts";
import { type Definition, definitionOf } from "../training/definition.ts";
import { receptiveField } from "./receptive_field.ts";

/** A layer; of one that holds layers, what they have together. */
export interface LayerInfo {
  /** Its path in the network: "block1/conv1". */
  readonly name: string;
  /** "3x3 convolution, stride 2, ReLU". */
  readonly what: string;
  readonly output: readonly [height: number, width: number, channels: number];
  /** Weights and biases. */
  readonly parameters: number;
  /** Products with weights in one forward pass of one image: the conventional measure of a network's work. */
  readonly multiplications: number;
  /** What one unit sees of the image, and how far its neighbour's view lies from it, in pixels. */
  readonly field: { readonly height: number; readonly width: number; readonly stride: PerAxis };
  /** The layers that it holds, in order. */
  readonly layers: readonly LayerInfo[];
  /** Does it nothing but in training? Then it has no units to look into. */
  readonly trainingOnly?: true;
  /** Is each of its outputs made of the one input at its place, as an activation's? */
  readonly elementwise?: true;
}

/** The layers of a network, in order. Throws `UserError` where the shapes do not fit. */
export function networkInfo(definition: Definition | Config): LayerInfo[] {
  const { network, input } = "input" in definition ? definition : definitionOf(definition);
  const info = ({ layer, path, output, params, inner }: LayerNode): LayerInfo => {
    const { height, width, stride } = receptiveField(network, input, path), layers = inner.map(info);
    return {
      name: path,
      what: describeLayer(layer),
      output: output.slice(1) as [number, number, number],
      parameters: Object.values(params).reduce((sum, { shape }) => sum + elements(shape), 0),
      multiplications: layers.reduce(
        (sum, { multiplications }) => sum + multiplications,
        multiplicationsOf(ownOf(params, inner), output),
      ),
      field: { height, width, stride },
      layers,
      ...kindOf(layer)?.trainingOnly === true ? { trainingOnly: true } : {},
      ...kindOf(layer)?.elementwise === true ? { elementwise: true } : {},
    };
  };
  return layerTree(network, [1, ...input]).inner.map(info);
}

/** The layers that hold no others, in order. */
export function infoLeaves(layers: readonly LayerInfo[]): LayerInfo[] {
  return layers.flatMap((layer) => layer.layers.length === 0 ? [layer] : infoLeaves(layer.layers));
}

/** The parameters that are of no layer inside. */
const ownOf = (params: ParamSpecs, inner: readonly LayerNode[]): ParamSpecs =>
  Object.fromEntries(
    Object.entries(params).filter(([name]) => !inner.some(({ layer }) => name.startsWith(`${layer.name}/`))),
  );

/** Each output sums as many products as the weights that are drawn have inputs. */
function multiplicationsOf(params: ParamSpecs, output: Shape): number {
  const fans = Object.values(params).map(({ init }) => "fanIn" in init ? init.fanIn : 0);
  return elements(output) * fans.reduce((sum, fan) => sum + fan, 0);
}
