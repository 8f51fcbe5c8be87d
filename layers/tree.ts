/** Networks as trees: every layer with its path and the shapes around it. */
import type { Layer, ParamSpecs } from "../core/graph/layer.ts";
import type { Shape } from "../core/graph/tensor.ts";
import type { Shapes } from "../core/graph/export_types.ts";

/** A layer of a network. */
export interface LayerNode extends Shapes {
  readonly layer: Layer;
  /** "block1/conv1"; of the network itself "". */
  readonly path: string;
  /** Its parameters, with those of the layers that it holds. */
  readonly params: ParamSpecs;
  /** The layers that it holds, in order. */
  readonly inner: readonly LayerNode[];
}

/** The path of a layer in the layer at `parent`. */
export const pathIn = (parent: string, name: string): string => parent === "" ? name : `${parent}/${name}`;

/** The tree of a network for an input with batch. Throws `UserError` where the shapes do not fit. */
export function layerTree(layer: Layer, input: Shape, path = ""): LayerNode {
  const { output, params } = layer.init(input);
  let shape = input;
  const inner = (layer.layers ?? []).map((each) => {
    const node = layerTree(each, shape, pathIn(path, each.name));
    shape = node.output;
    return node;
  });
  return { layer, path, input, output, params, inner };
}

/** The layers of a network that hold no others, in order. */
export function leavesOf(layer: Layer): Layer[] {
  return layer.layers === undefined ? [layer] : layer.layers.flatMap(leavesOf);
}
