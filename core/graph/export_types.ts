/** What kinds of layers and transforms say of themselves for ONNX and PyTorch: plain data, which export/ writes down. */
import type { Shape } from "./tensor.ts";

/** The shapes around a layer: [1, height, width, channels]. */
export interface Shapes {
  /** What it takes: [1, height, width, channels]. */
  readonly input: Shape;
  /** What it puts out: [1, height, width, channels]. */
  readonly output: Shape;
}

/** Attributes of a node: `f` a float, `i` an integer, `ints` several. */
export type OnnxAttributes = Readonly<Record<string, { f: number } | { i: number } | { ints: readonly number[] }>>;

/**
 * A node of a layer, which in ONNX sees [batch, channels, height, width]. It reads by name: "x", the layer's input;
 * "inner", what the layers that it holds put out; its parameters and state ("w"), kernels as [out, in, height, width];
 * and what nodes before it wrote. What the last node writes is the output of the layer.
 */
export interface OnnxNode {
  /** The operator of ONNX, as "Conv". */
  readonly op: string;
  /** What it reads, by name, in the operator's order. */
  readonly reads: readonly string[];
  /** The name of what it writes. */
  readonly writes: string;
  /** The operator's attributes; the default is none. */
  readonly attributes?: OnnxAttributes;
}

/** A constant that nodes read by name. */
export type OnnxConstant =
  | { readonly floats: ArrayLike<number>; readonly dims: readonly number[] }
  | { readonly integers: readonly number[] };

/** A module of PyTorch. */
export interface TorchModule {
  /** The call that makes it, as "nn.Conv2d(3, 8, 3)"; of one that holds modules, what is called with them. */
  readonly code: string;
  /** What it calls the layer's parameters and state: { w: "weight" }. */
  readonly params?: Readonly<Record<string, string>>;
  /** May a file have an `nn.Linear` behind a Flatten in its place, with weights [out, channels * height * width]? */
  readonly linear?: true;
  /** Those that it holds, in order, as of "nn.Sequential"; absent where it holds none. */
  readonly modules?: readonly TorchModule[];
  /** Python code of its class, where PyTorch has no such module. */
  readonly definition?: string;
  /** The path of the layer that it is of. */
  readonly layer?: string;
}
