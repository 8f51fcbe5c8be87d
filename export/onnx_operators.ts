/** The operators of ONNX that are read as layers of ours: a record each. */
import { isNone, NO_PADDING, type Padding, perAxis } from "../kernels/per_axis.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import { elements } from "../core/graph/tensor.ts";
import { toHwio } from "./kernel_layout.ts";
import type { NodeAttributes } from "./onnx_attributes.ts";
import { type Constant, floats, Unread } from "./onnx_constants.ts";
import { activated, added, gated, scaled } from "./onnx_terms.ts";
import { behind, dimsOf, type ReadLayer, replaced, sum, type Value, whole } from "./onnx_values.ts";

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

interface Operator {
  /** What is not known of its attributes; null where they are. */
  readonly flaw?: (attributes: NodeAttributes) => string | null;
  readonly read: (at: At) => Value | Constant;
}

const isOne = (...names: readonly string[]) => (attributes: NodeAttributes): string | null => {
  const name = names.find((each) => attributes.ints(each, [attributes.int(each, 1)]).some((value) => value !== 1));
  return name === undefined ? null : `has ${name}: ${attributes.shown(name)}, where only 1 can be read`;
};

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

function conv(at: At): Value {
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
function dense(at: At, rows: boolean, alpha = 1, bias: Constant | null = null, beta = 1): Value {
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

function pooled(at: At, key: "maxPool" | "averagePool"): Value {
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

function batchNorm(at: At): Value {
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

/** The same, as a list of features or as a map of one pixel. */
function shaped(x: Value, dims: readonly number[], batch: number): Value {
  const now = dimsOf(x),
    size = elements(x.shape) * batch,
    [first, ...rest] = dims.map((size, index) => size === 0 ? [batch, ...now][index] ?? 0 : size);
  const known = [first!, ...rest].filter((size) => size > 0).reduce((product, size) => product * size, 1);
  const [images, ...each] = [first!, ...rest].map((dim) => dim === -1 ? size / known : dim);
  if (images === batch && each.length === 1 && each[0] === elements(x.shape)) return { ...x, flat: true };
  if (images === batch && each.join() === now.join()) return x;
  const pixel = [x.shape[2], x.shape[0], x.shape[1]].join();
  if (images === batch && x.flat && each.join() === pixel) return { ...x, flat: false };
  throw new Unread(`makes [${dims.join(", ")}] of ${now.join("x")}, where only a list of all features can be read`);
}

/** Without its height and width, which must be 1. */
function squeezed(x: Value, axes: readonly number[]): Value {
  const those = axes.map((axis) => axis < 0 ? axis + 4 : axis).sort().join();
  if (x.flat || x.shape[0] * x.shape[1] > 1 || !["", "2,3"].includes(those)) {
    throw new Unread(`takes the axes [${axes.join(", ")}] of ${dimsOf(x).join("x")} away`);
  }
  return { ...x, flat: true };
}

const axesIn = ({ attributes, constant }: At) =>
  attributes.has("axes") ? attributes.ints("axes", []) : Array.from(constant(1)?.data ?? []);

function padded({ attributes, value, constant }: At): Value {
  const x = whole(value(0), true),
    given = attributes.has("pads") ? attributes.ints("pads", []) : constant(1)?.data ?? [];
  const [batch, channels, top, left, batchEnd, channelsEnd, bottom, right] = Array.from(given);
  const filling = constant(2)?.data[0] ?? attributes.float("value", 0);
  const mode = attributes.text("mode") || "constant";
  if (mode !== "constant" || filling !== 0 || x.flat || [batch, channels, batchEnd, channelsEnd].some((n) => n !== 0)) {
    throw new Unread("pads with something else than zeros around an image");
  }
  const { pad } = x, more = (side: number | undefined, before = 0) => (side ?? 0) + before;
  return {
    ...x,
    pad: {
      ...{ top: more(top, pad?.top), left: more(left, pad?.left) },
      ...{ bottom: more(bottom, pad?.bottom), right: more(right, pad?.right) },
    },
  };
}

/** ReLU and its like: a part of a convolution that nobody else reads. */
function rectified(at: At, f: "relu" | { readonly leakyRelu: { readonly slope: number } }): Value {
  const x = whole(at.value(0)), { layer } = x.link;
  if (at.sole && layer?.options["activation"] === "none") {
    return replaced(x, { ...layer, options: { ...layer.options, activation: f } });
  }
  return activated(x, f, at.name);
}

/** The mean over all positions. */
const average = (at: At): Value =>
  behind(whole(at.value(0)), { key: "globalAveragePool", name: at.name, options: {}, params: {} });

function reduceMean(at: At): Value {
  const x = at.value(0), those = axesIn(at).map((axis) => axis < 0 ? axis + 4 : axis).sort().join();
  if (x.flat || those !== "2,3") throw new Unread("averages over something else than all positions");
  return { ...average(at), flat: at.attributes.int("keepdims", 1) === 0 };
}

/** The two inputs of a sum or product: a value, and another or a constant. */
function pair(at: At): [x: Value, other: Value | Constant] {
  const [a, b] = [at.constant(0), at.constant(1)];
  return a !== null ? [at.value(1), a] : [at.value(0), b ?? at.value(1)];
}
const isConstant = (other: Value | Constant): other is Constant => "data" in other;

function plus(at: At): Value {
  const [x, other] = pair(at);
  return isConstant(other) ? added(x, other, 1, at.sole) : sum(whole(x), whole(other), at.name);
}

function times(at: At): Value {
  const [x, other] = pair(at);
  return isConstant(other) ? scaled(x, other, false, at.name) : gated(x, other, at.name);
}

export const OPERATORS: Readonly<Record<string, Operator>> = {
  Conv: { flaw: isOne("group", "dilations"), read: conv },
  Gemm: {
    flaw: (attributes) => attributes.int("transA", 0) === 0 ? null : "has transA: 1, where only 0 can be read",
    read(at) {
      const { attributes } = at, factor = (name: string) => attributes.float(name, 1);
      return dense(at, attributes.int("transB", 0) !== 0, factor("alpha"), at.constant(2), factor("beta"));
    },
  },
  MatMul: { read: (at) => dense(at, false) },
  MaxPool: { flaw: isOne("dilations"), read: (at) => pooled(at, "maxPool") },
  AveragePool: { flaw: isOne("dilations"), read: (at) => pooled(at, "averagePool") },
  GlobalAveragePool: { read: average },
  ReduceMean: { read: reduceMean },
  BatchNormalization: {
    flaw: (attributes) =>
      attributes.int("training_mode", 0) === 0 ? null : "has training_mode: 1: export the network in evaluation mode",
    read: batchNorm,
  },
  Relu: { read: (at) => rectified(at, "relu") },
  LeakyRelu: { read: (at) => rectified(at, { leakyRelu: { slope: at.attributes.float("alpha", 0.01) } }) },
  Gelu: {
    flaw: (attributes) =>
      (attributes.text("approximate") || "none") === "none"
        ? null
        : "has approximate: tanh, where only none can be read",
    read: (at) => activated(whole(at.value(0)), "gelu", at.name),
  },
  Erf: { read: (at) => gated(at.value(0), "erf", at.name) },
  Sigmoid: { read: (at) => gated(at.value(0), "sigmoid", at.name) },
  Add: { read: plus },
  Sum: { read: plus },
  Sub: { read: (at) => added(at.value(0), at.weights(1), -1, at.sole) },
  Mul: { read: times },
  Div: { read: (at) => scaled(at.value(0), at.weights(1), true, at.name) },
  Pad: { read: padded },
  Dropout: {
    read(at) {
      const rate = at.constant(1)?.data[0] ?? at.attributes.float("ratio", 0.5);
      return behind(whole(at.value(0)), { key: "dropout", name: at.name, options: { rate }, params: {} });
    },
  },
  Identity: { read: (at) => at.value(0) },
  Cast: { read: (at) => at.value(0) },
  Flatten: {
    flaw: (attributes) =>
      [1, -3].includes(attributes.int("axis", 1))
        ? null
        : `has axis: ${attributes.shown("axis")}, where only 1 can be read`,
    read: (at) => ({ ...whole(at.value(0)), flat: true }),
  },
  Reshape: { read: (at) => shaped(whole(at.value(0)), Array.from(at.weights(1).data), at.batch) },
  Squeeze: { read: (at) => squeezed(whole(at.value(0)), axesIn(at)) },
  Shape: {
    read(at) {
      const dims = [at.batch, ...dimsOf(at.value(0))];
      return { dims: [dims.length], data: dims };
    },
  },
};
