/** The operators of ONNX that are read as layers of ours: a record each. */
import { elements } from "../core/graph/tensor.ts";
import type { NodeAttributes } from "./onnx_attributes.ts";
import { type Constant, Unread } from "./onnx_constants.ts";
import { type At, batchNorm, conv, dense, pooled } from "./onnx_read_layers.ts";
import { activated, added, gated, scaled } from "./onnx_terms.ts";
import { behind, dimsOf, replaced, sum, type Value, whole } from "./onnx_values.ts";

interface Operator {
  /** What is not known of its attributes; null where they are. */
  readonly flaw?: (attributes: NodeAttributes) => string | null;
  readonly read: (at: At) => Value | Constant;
}

const isOne = (...names: readonly string[]) => (attributes: NodeAttributes): string | null => {
  const name = names.find((each) => attributes.ints(each, [attributes.int(each, 1)]).some((value) => value !== 1));
  return name === undefined ? null : `has ${name}: ${attributes.shown(name)}, where only 1 can be read`;
};

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
      const { attributes } = at, all = [at.batch, ...dimsOf(at.value(0))];
      const dims = all.slice(attributes.int("start", 0), attributes.int("end", all.length));
      return { dims: [dims.length], data: dims };
    },
  },
};
