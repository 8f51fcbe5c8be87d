/** Nodes of ONNX with weights or windows as layers of ours. */
import { isNone, NO_PADDING, type Padding, perAxis } from "../kernels/per_axis.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import { elements } from "../core/graph/tensor.ts";
import { toHwio } from "./kernel_layout.ts";
import type { NodeAttributes } from "./onnx_attributes.ts";
import { type Constant, floats, Unread } from "./onnx_constants.ts";
import { behind, dimsOf, type ReadLayer, type Value, whole } from "./onnx_values.ts";

/** A node and what it reads. */
export interface At {
  readonly attributes: NodeAttributes;
  /** What its layer might be called. */
  readonly name: string;
  /** Its i-th input. Throws `Unread` where that is missing or a constant. */
  value(index: number): Value;
  /** Its i-th input; null where that is missing or no constant. */
  constant(index: number): Constant | null;
  /** As `constant`. Throws `Unread` where it is null. */
  weights(index: number): Constant;
  /** Is it the only one that reads its first input? */
  readonly sole: boolean;
  /** Images at once, as far as the file says it; else 1. */
  readonly batch: number;
}

/** Padding as short as a config can say it. */
function short(padding: Padding) {
  const { top, left, bottom, right } = padding, square = top === bottom && left === right;
  return !square ? padding : top === 0 && left === 0 ? "valid" : perAxis(top, left);
}

/** Kernel, stride and padding of a node, for a map. */
function windows({ attributes }: At, kernel: readonly number[], { shape, pad, flat }: Value) {
  if (kernel.length !== 2) throw new Unread(`has a kernel of ${kernel.length} dimensions, where only 2 can be read`);
  if (flat) throw new Unread("works on a list of features, not on a map of them");
  const strides = attributes.ints("strides", [1, 1]), auto = attributes.text("auto_pad") || "NOTSET";
  const [down = 1, across = 1] = strides, [height, width] = kernel as [number, number];
  const given = attributes.ints("pads", [0, 0, 0, 0]), none = auto === "VALID" ? [0, 0, 0, 0] : given;
  const same = (size: number, kernel: number, stride: number) => {
    const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size), less = Math.floor(total / 2);
    return auto === "SAME_LOWER" ? [total - less, less] : [less, total - less];
  };
  const [rows, columns] = [same(shape[0], height, down), same(shape[1], width, across)];
  const [top, left, bottom, right] = auto.startsWith("SAME") ? [rows[0], columns[0], rows[1], columns[1]] : none;
  const around = pad ?? NO_PADDING;
  const padding: Padding = {
    ...{ top: top! + around.top, left: left! + around.left },
    ...{ bottom: bottom! + around.bottom, right: right! + around.right },
  };
  return { kernel: perAxis(height, width), stride: perAxis(down, across), padding };
}

/** A weight for each output, [out, in, height, width] in its order, and zeros where there is no bias. */
function weighted(w: HostTensor, bias: Constant | null, factor = 1): ReadLayer["params"] {
  const channels = w.shape[0]!, b = new Float32Array(channels);
  if (bias !== null) {
    if (![1, channels].includes(bias.data.length)) {
      throw new Unread(`adds ${bias.data.length} biases to ${channels} outputs`);
    }
    b.forEach((_, c) => b[c] = factor * bias.data[c % bias.data.length]!);
  }
  return { w: toHwio(w), b: { shape: [channels], data: b } };
}

export function conv(at: At): Value {
  const x = whole(at.value(0), true), { dims, data } = at.weights(1), [out, inside, ...kernel] = dims;
  const { padding, ...sizes } = windows(at, kernel, x), channels = x.shape[2];
  if (inside !== channels) throw new Unread(`has weights for ${inside} channels and reads ${channels}`);
  const params = weighted({ shape: dims, data: floats({ dims, data }) }, at.constant(2)), activation = "none";
  // Our own dense layers are written so; it is the same.
  const covers = kernel.join() === x.shape.slice(0, 2).join() && isNone(padding) && !at.attributes.has("strides");
  const options = { channels: out!, ...(covers ? {} : { ...sizes, padding: short(padding) }), activation };
  return behind(x, { key: covers ? "dense" : "conv", name: at.name, options, params });
}

/** A matrix product [features] * [features, out], or with [out, features] where `rows`; features in ONNX's order. */
export function dense(at: At, rows: boolean, alpha = 1, bias: Constant | null = null, beta = 1): Value {
  const x = whole(at.value(0)), { dims, data } = at.weights(1), [height, width, channels] = x.shape;
  if (!x.flat || dims.length !== 2) throw new Unread("multiplies something that is no list of features and no matrix");
  const [features, out] = (rows ? [dims[1], dims[0]] : dims) as [number, number];
  if (features !== elements(x.shape)) {
    throw new Unread(`has weights for ${features} features and reads ${elements(x.shape)}`);
  }
  const matrix = new Float32Array(data.length);
  for (let o = 0; o < out; o++) {
    for (let f = 0; f < features; f++) matrix[o * features + f] = alpha * data[rows ? o * features + f : f * out + o]!;
  }
  const params = weighted({ shape: [out, channels, height, width], data: matrix }, bias, beta);
  return behind(x, { key: "dense", name: at.name, options: { channels: out, activation: "none" }, params });
}

export function pooled(at: At, key: "maxPool" | "averagePool"): Value {
  const x = whole(at.value(0), key === "averagePool"), { attributes } = at, up = attributes.int("ceil_mode", 0) !== 0;
  const { padding, ...sizes } = windows(at, attributes.ints("kernel_shape", []), x);
  const made = (more: object) =>
    behind(x, { key, name: at.name, options: { ...sizes, padding: short(padding), ...more }, params: {} });
  if (key === "maxPool") return made({ rounding: up ? "up" : "down" });
  const rounded = (rounding: string) =>
    behind(x, { key: "maxPool", name: "", options: { ...sizes, padding: short(padding), rounding }, params: {} });
  if (up && dimsOf(rounded("up")).join() !== dimsOf(rounded("down")).join()) {
    throw new Unread("has ceil_mode: 1 and a last window that does not fit");
  }
  // PyTorch writes padding that counts as a node of its own.
  const counts = attributes.int("count_include_pad", 0) !== 0,
    own = attributes.ints("pads", [0]).some((pad) => pad > 0);
  if (x.pad !== null && own && !counts) throw new Unread("averages over padding of which a part counts");
  return made(counts || x.pad !== null ? { countPadding: true } : {});
}

export function batchNorm(at: At): Value {
  const x = whole(at.value(0)), [height, width, channels] = x.shape, { attributes } = at;
  if (x.flat && height * width > 1) throw new Unread("normalizes every position of a map by itself");
  const params = Object.fromEntries(["gamma", "beta", "mean", "variance"].map((key, index) => {
    const weights = at.weights(index + 1);
    if (weights.data.length !== channels) {
      throw new Unread(`has ${weights.data.length} values for ${channels} channels`);
    }
    return [key, { shape: [channels], data: floats(weights) }];
  }));
  const options = {
    momentum: Math.max(0, Number((1 - attributes.float("momentum", 0.9)).toFixed(6))),
    epsilon: attributes.float("epsilon", 1e-5),
  };
  return behind(x, { key: "batchNorm", name: at.name, options, params });
}
