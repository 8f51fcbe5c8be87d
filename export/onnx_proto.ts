/**
 * The part of ONNX's protobuf messages that a network needs, and their encoding. By protobufjs, which is maintained and
 * takes the messages as data: the npm packages of ONNX's own schema are years behind. Field numbers: onnx.proto3 of
 * ONNX 1.12.
 */
import { Root } from "protobufjs/light.js";

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly ints?: readonly number[];
}

export interface Node {
  readonly name: string;
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly Attribute[];
}

export interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** The values, little-endian. */
  readonly rawData: Uint8Array;
}

export interface ValueInfo {
  readonly name: string;
  readonly docString: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: { readonly dim: readonly ({ readonly dimValue: number } | { readonly dimParam: string })[] };
    };
  };
}

export interface Model {
  readonly irVersion: number;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly producerName: string;
  readonly docString: string;
  readonly graph: {
    readonly name: string;
    readonly node: readonly Node[];
    readonly initializer: readonly Initializer[];
    readonly input: readonly ValueInfo[];
    readonly output: readonly ValueInfo[];
  };
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
}

/** Numbers of TensorProto.DataType and AttributeProto.AttributeType. */
export const DATA_TYPE = { float: 1, int64: 7 } as const, ATTRIBUTE_TYPE = { f: 1, i: 2, ints: 7 } as const;

/** Message, field, then "type number", with a + where it repeats. */
const MESSAGES = {
  Model: {
    irVersion: "int64 1",
    producerName: "string 2",
    docString: "string 6",
    graph: "Graph 7",
    opsetImport: "Opset 8+",
    metadataProps: "Entry 14+",
  },
  Opset: { domain: "string 1", version: "int64 2" },
  Entry: { key: "string 1", value: "string 2" },
  Graph: { node: "Node 1+", name: "string 2", initializer: "Tensor 5+", input: "Value 11+", output: "Value 12+" },
  Node: { input: "string 1+", output: "string 2+", name: "string 3", opType: "string 4", attribute: "Attribute 5+" },
  Attribute: { name: "string 1", f: "float 2", i: "int64 3", ints: "int64 8+", type: "int32 20" },
  Tensor: { dims: "int64 1+", dataType: "int32 2", name: "string 8", rawData: "bytes 9" },
  Value: { name: "string 1", type: "Type 2", docString: "string 3" },
  Type: { tensorType: "TensorType 1" },
  TensorType: { elemType: "int32 1", shape: "Shape 2" },
  Shape: { dim: "Dimension 1+" },
  Dimension: { dimValue: "int64 1", dimParam: "string 2" },
};

function fieldOf(text: string) {
  const [type, id] = text.replace("+", "").split(" ");
  return { type: type!, id: Number(id), ...(text.endsWith("+") ? { rule: "repeated" } : {}) };
}

/** The bytes of an ONNX file. */
export function encodeModel(model: Model): Uint8Array {
  const nested = Object.entries(MESSAGES).map(([name, fields]) => [
    name,
    { fields: Object.fromEntries(Object.entries(fields).map(([field, text]) => [field, fieldOf(text)])) },
  ]);
  return Root.fromJSON({ nested: Object.fromEntries(nested) }).lookupType("Model").encode(model).finish();
}
