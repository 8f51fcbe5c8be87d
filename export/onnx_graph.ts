/** Collects the nodes and constants of an ONNX graph. */
import type { OnnxAttributes, OnnxNode } from "../core/graph/export_types.ts";
import { type Attribute, ATTRIBUTE_TYPE, DATA_TYPE, type Initializer, type Node } from "./onnx_messages.ts";

export interface Graph {
  readonly nodes: readonly Node[];
  readonly constants: readonly Initializer[];
  /** Adds a constant; returns its name. */
  floats(name: string, dims: readonly number[], values: ArrayLike<number>): string;
  integers(name: string, values: readonly number[]): string;
  /** Adds a node with one output, called as the node; returns its name. */
  node(opType: string, name: string, input: readonly string[], attributes?: OnnxAttributes): string;
}

/**
 * Adds nodes that read by the names in `names`; what the last one writes is called `name`, and returned. Without nodes
 * that is "x".
 */
export function addNodes(
  graph: Graph,
  nodes: readonly OnnxNode[],
  names: Map<string, string>,
  name: string,
  constant: (name: string) => string = (missing) => {
    throw new Error(`${name} reads ${missing}, which nothing writes`);
  },
): string {
  return nodes.reduce((_, { op, reads, writes, attributes }, index) => {
    const inputs = reads.map((each) => names.get(each) ?? constant(each));
    const output = graph.node(op, index === nodes.length - 1 ? name : `${name}/${writes}`, inputs, attributes);
    names.set(writes, output);
    return output;
  }, names.get("x")!);
}

export function onnxGraph(): Graph {
  const nodes: Node[] = [], constants: Initializer[] = [];
  const constant = (
    name: string,
    dims: readonly number[],
    dataType: number,
    { buffer }: { buffer: ArrayBufferLike },
  ) => {
    constants.push({ name, dims, dataType, rawData: new Uint8Array(buffer) });
    return name;
  };
  return {
    nodes,
    constants,
    floats: (name, dims, values) => constant(name, dims, DATA_TYPE.float, Float32Array.from(values)),
    integers: (name, values) =>
      constant(name, [values.length], DATA_TYPE.int64, BigInt64Array.from(values.map(BigInt))),
    node(opType, name, input, attributes = {}) {
      const attribute = Object.entries(attributes).map(([name, value]): Attribute => {
        const type = ATTRIBUTE_TYPE["f" in value ? "f" : "i" in value ? "i" : "ints"];
        return { name, type, ...value };
      });
      nodes.push({ name, opType, input, output: [name], attribute });
      return name;
    },
  };
}
