/**
 * The part of ONNX's protobuf messages that a network needs, as data: what both the writer and the reader go by. Field
 * numbers: onnx.proto3 of ONNX 1.12. A file is read without trust: what it lacks is absent here too.
 */

/** Message, field, then "type number", with a + where it repeats. */
export const MESSAGES = {
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
  Node: {
    ...{ input: "string 1+", output: "string 2+", name: "string 3", opType: "string 4", attribute: "Attribute 5+" },
    domain: "string 7",
  },
  Attribute: {
    ...{ name: "string 1", f: "float 2", i: "int64 3", s: "string 4", t: "Tensor 5", floats: "float 7+" },
    ...{ ints: "int64 8+", type: "int32 20" },
  },
  Tensor: {
    ...{ dims: "int64 1+", dataType: "int32 2", floatData: "float 4+", int32Data: "int32 5+", int64Data: "int64 7+" },
    ...{ name: "string 8", rawData: "bytes 9", doubleData: "double 10+", externalData: "Entry 13+" },
  },
  Value: { name: "string 1", type: "Type 2", docString: "string 3" },
  Type: { tensorType: "TensorType 1" },
  TensorType: { elemType: "int32 1", shape: "Shape 2" },
  Shape: { dim: "Dimension 1+" },
  Dimension: { dimValue: "int64 1", dimParam: "string 2" },
} as const;

/** The name of a message. */
export type MessageName = keyof typeof MESSAGES;

/** A field as the table says it. */
export interface Field {
  readonly type: string;
  readonly id: number;
  readonly repeated: boolean;
}

/** A field out of its text. */
export function fieldOf(text: string): Field {
  const [type, id] = text.replace("+", "").split(" ");
  return { type: type!, id: Number(id), repeated: text.endsWith("+") };
}

export interface Attribute {
  readonly name: string;
  readonly type?: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: string;
  readonly t?: Initializer;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
}

export interface Node {
  readonly name: string;
  readonly opType: string;
  readonly domain?: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly Attribute[];
}

export interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** The values, little-endian; or they lie in one of the lists. */
  readonly rawData?: Uint8Array;
  readonly floatData?: readonly number[];
  readonly int32Data?: readonly number[];
  readonly int64Data?: readonly number[];
  readonly doubleData?: readonly number[];
  /** Where they lie in another file. */
  readonly externalData?: readonly { readonly key: string; readonly value: string }[];
}

export interface ValueInfo {
  readonly name: string;
  readonly docString?: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: { readonly dim: readonly { readonly dimValue?: number; readonly dimParam?: string }[] };
    };
  };
}

export interface Model {
  readonly irVersion: number;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly producerName: string;
  readonly docString?: string;
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
export const DATA_TYPE = { float: 1, int32: 6, int64: 7, float16: 10, double: 11 } as const,
  ATTRIBUTE_TYPE = { f: 1, i: 2, ints: 7 } as const;
