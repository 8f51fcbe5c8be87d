/** Sums and products with constants: activations that exporters write out, biases, and what is done to the image first. */
import { type Constant, Unread } from "./onnx_constants.ts";
import { type Affine, behind, PLAIN, replaced, sameImage, type Term, type Value, whole } from "./onnx_values.ts";

/** Rounding of constants in files. */
const near = (a: number, b: number) => Math.abs(a - b) < 1e-4;

/** A value behind an activation of its own. */
export const activated = (x: Value, f: unknown, name: string): Value =>
  behind({ ...x, term: PLAIN }, { key: "activation", name, options: { function: f }, params: {} });

/** The activation that a product is, as soon as it is one. */
function settled(x: Value, term: Term, name: string): Value {
  const { times, factor, gate } = term;
  if (times && gate === "erf + 1" && near(factor, 0.5)) return activated(x, "gelu", name);
  if (times && gate === "sigmoid" && factor === 1) return activated(x, "silu", name);
  return { ...x, term: times && factor === 1 && gate === "none" ? PLAIN : term };
}

/** A function of a value, or the product of two that came from the same one. */
export function gated(x: Value, other: Value | "erf" | "sigmoid", name: string): Value {
  const { times, factor, gate } = x.term, alone = times && gate === "none";
  if (other === "erf" && alone && near(factor, Math.SQRT1_2)) {
    return { ...x, term: { times: false, factor: 1, gate: "erf" } };
  }
  if (other === "sigmoid" && x.term === PLAIN) return { ...x, term: { times: false, factor: 1, gate: "sigmoid" } };
  if (typeof other === "string") {
    throw new Unread("is no part of an activation known here: ReLU, leaky ReLU, GELU, SiLU");
  }
  const [one, gates] = alone ? [x.term, other.term] : [other.term, x.term];
  if (x.link !== other.link || !sameImage(x, other) || !one.times || one.gate !== "none" || gates.times) {
    throw new Unread("multiplies two values, which only activations do here: GELU and SiLU");
  }
  return settled(x, { times: true, factor: one.factor * gates.factor, gate: gates.gate }, name);
}

/** A number for each channel, where a constant has one or the same for all; else null. */
function perChannel({ dims, data }: Constant, { shape: [height, width, channels], flat }: Value): number[] | null {
  if (data.length === 1) return Array<number>(channels).fill(data[0]!);
  const tail = dims.slice(dims.findIndex((size) => size !== 1)).join();
  const fits = flat ? height * width === 1 && tail === `${channels}` : tail === `${channels},1,1`;
  return fits ? Array.from(data) : null;
}

/** The image before its first layer, with something more done to it. */
const onImage = (x: Value, change: (affine: Affine, channel: number) => [subtract: number, divide: number]): Value => {
  const changed = x.affine.subtract.map((_, channel) => change(x.affine, channel));
  return { ...x, affine: { subtract: changed.map(([each]) => each), divide: changed.map(([, each]) => each) } };
};

/** The sum of a value and `sign` times a constant. */
export function added(x: Value, constant: Constant, sign: 1 | -1, sole: boolean): Value {
  const { term } = x, { layer } = x.link;
  if (term.gate === "erf" && constant.data.length === 1 && sign * constant.data[0]! === term.factor) {
    return { ...x, term: { ...term, gate: "erf + 1" } };
  }
  const by = perChannel(constant, whole(x));
  if (by === null) throw new Unread(`adds a constant [${constant.dims.join(", ")}], which is none for each channel`);
  if (layer === null) {
    return onImage(x, ({ subtract, divide }, c) => [subtract[c]! - sign * by[c]! * divide[c]!, divide[c]!]);
  }
  const b = layer.params["b"];
  if (!sole || b === undefined || layer.options["activation"] !== "none") {
    throw new Unread("adds a constant to something else than a convolution or a dense layer");
  }
  const sum = { ...b, data: b.data.map((value, c) => value + sign * by[c]!) };
  return replaced(x, { ...layer, params: { ...layer.params, b: sum } });
}

/** The product of a value and a constant, or its quotient. */
export function scaled(x: Value, constant: Constant, divided: boolean, name: string): Value {
  const by = perChannel(constant, x)?.map((value) => divided ? 1 / value : value), { term } = x;
  if (x.link.layer === null && term === PLAIN && by !== undefined) {
    return onImage(whole(x), ({ subtract, divide }, c) => [subtract[c]!, divide[c]! / by[c]!]);
  }
  if (constant.data.length !== 1) throw new Unread("multiplies with a constant that is no single number");
  return settled(x, { ...term, factor: term.factor * by![0]! }, name);
}
