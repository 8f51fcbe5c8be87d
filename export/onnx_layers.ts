/** The layers of a network as nodes of ONNX, by what their kinds say. */
import type { Layer } from "../core/graph/layer.ts";
import { UserError } from "../core/host/errors.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import type { Shape } from "../core/graph/tensor.ts";
import { kindOf, noCounterpart } from "../layers/layer_kind.ts";
import { type LayerNode, layerTree } from "../layers/tree.ts";
import { toOihw } from "./kernel_layout.ts";
import { addNodes, type Graph } from "./onnx_graph.ts";

/** Adds a network to a graph; `x` names its input. Returns the name of its output. */
export function onnxLayers(
  graph: Graph,
  { network, x, input, params }: {
    readonly network: Layer;
    readonly x: string;
    readonly input: Shape;
    readonly params: Readonly<Record<string, HostTensor>>;
  },
): string {
  const constants = new Set<string>();

  /** A parameter as a constant, added where it is first read. */
  function constant(path: string): string {
    const name = `network/${path}`, { shape, data } = toOihw(params[path]!);
    if (!constants.has(name)) graph.floats(name, shape, data);
    constants.add(name);
    return name;
  }

  function add(node: LayerNode, x: string): string {
    const { layer, path } = node, inner = node.inner.reduce((y, each) => add(each, y), x);
    const name = path === "" ? "network" : `network/${path}`; // no name that a user chooses is one of ours, as "logits"
    const nodes = kindOf(layer)?.onnx?.(layer.made!.options, node);
    if (nodes === undefined) {
      throw new UserError(`Cannot export layer "${path}" as ONNX: ${noCounterpart(layer, "onnx")}`);
    }
    const names = new Map([["x", x], ["inner", inner]]);
    if (nodes.length === 0) return inner;
    return addNodes(graph, nodes, names, name, (each) => constant(path === "" ? each : `${path}/${each}`));
  }

  return add(layerTree(network, [1, ...input]), x);
}
