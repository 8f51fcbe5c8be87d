/**
 * What flows between the nodes of an ONNX graph, as what our layers have made of the image: a chain of them, in which
 * values share their beginnings. Where two values are added, the chains behind what they share become a residual.
 */
import type { HostTensor } from "../core/host/safetensors.ts";
import { axesOf, isNone, type Padding, type PerAxis } from "../kernels/per_axis.ts";
import { paddingOf, type PaddingOption } from "../layers/axis_options.ts";
import { buildLayer, type LayerConfig } from "../layers/layer_kind.ts";
import { layerKinds } from "../layers/mod.ts";
import { Unread } from "./onnx_constants.ts";

/** A layer of ours with its parameters, by their names within it. */
export interface ReadLayer {
  readonly key: string;
  /** What it might be called; "" where nothing tells. */
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, HostTensor>>;
  readonly layers?: readonly ReadLayer[];
}

/** The last layer of a chain; without a parent it is the image. */
export interface Link {
  readonly parent: Link | null;
  readonly depth: number;
  readonly layer: ReadLayer | null;
  /** What it puts out: [height, width, channels]. */
  readonly shape: Value["shape"];
}

/** (value - subtract[channel]) / divide[channel] */
export interface Affine {
  readonly subtract: readonly number[];
  readonly divide: readonly number[];
}

/** A product that an activation may become: `factor` times the value (if `times`) times what `gate` says of it. */
export interface Term {
  readonly times: boolean;
  readonly factor: number;
  readonly gate: "none" | "erf" | "erf + 1" | "sigmoid";
}

export const PLAIN: Term = { times: true, factor: 1, gate: "none" };

/** A value of the graph. */
export interface Value {
  readonly link: Link;
  readonly shape: readonly [height: number, width: number, channels: number];
  /** Is it [batch, channels * height * width] there? */
  readonly flat: boolean;
  /** Zeros around it, which the next convolution takes over. */
  readonly pad: Padding | null;
  readonly term: Term;
  /** What was done to the image before the first layer. */
  readonly affine: Affine;
}

/** What the image is at first: values as the network takes them. */
export function imageValue(shape: Value["shape"]): Value {
  const all = (value: number) => Array<number>(shape[2]).fill(value);
  const affine = { subtract: all(0), divide: all(1) }, link = { parent: null, depth: 0, layer: null, shape };
  return { link, shape, flat: false, pad: null, term: PLAIN, affine };
}

/** Its dimensions in ONNX. */
export const dimsOf = ({ shape: [height, width, channels], flat }: Value): number[] =>
  flat ? [channels * height * width] : [channels, height, width];

/** A value as a layer takes it. Throws `Unread` where something was begun with it that is none of ours. */
export function whole(value: Value, pad = false): Value {
  if (value.term !== PLAIN) throw new Unread("takes a product or a sum that belongs to no activation known here");
  if (value.pad !== null && !pad) throw new Unread("reads padding, which only convolutions and averages do");
  return value;
}

const layerOf = ({ key, options, layers = [] }: ReadLayer, name: string): ReturnType<typeof buildLayer> =>
  buildLayer(layerKinds.get(key), name, options, layers.map((each, index) => layerOf(each, `${index}`)));

/** The value behind another layer; its shape is what the layer says. Throws `UserError` where options or shapes do not fit. */
export function behind(value: Value, layer: ReadLayer): Value {
  const [, ...output] = layerOf(layer, layer.key).init([1, ...value.shape]).output;
  const shape = output as unknown as Value["shape"];
  return { ...value, link: { parent: value.link, depth: value.link.depth + 1, layer, shape }, shape, pad: null };
}

/** The value with another last layer, of the same output shape. */
export const replaced = (value: Value, layer: ReadLayer): Value => ({ ...value, link: { ...value.link, layer } });

/** The layers of a chain from the image, or from behind `from`, on. */
export function chainOf(link: Link, from: Link | null = null): ReadLayer[] {
  const layers: ReadLayer[] = [];
  for (let at: Link | null = link; at !== null && at !== from; at = at.parent) {
    if (at.layer !== null) layers.unshift(at.layer);
  }
  return layers;
}

/** Was the same done to the image before them? */
export const sameImage = (a: Value, b: Value): boolean => JSON.stringify(a.affine) === JSON.stringify(b.affine);

/** The last link that two chains share: at least the image. */
function shared(a: Link, b: Link): Link {
  while (a !== b) {
    if (a.depth >= b.depth) a = a.parent!;
    else b = b.parent!;
  }
  return a;
}

/** What a batch normalization multiplies with, and adds. */
function normalization({ options, params }: ReadLayer): { scale: Float64Array; shift: Float64Array } {
  const [gamma, beta, mean, variance] = ["gamma", "beta", "mean", "variance"].map((key) => params[key]!.data);
  const scale = Float64Array.from(
    gamma!,
    (each, c) => each / Math.sqrt(variance![c]! + (options["epsilon"] as number)),
  );
  return { scale, shift: scale.map((each, c) => beta![c]! - each * mean![c]!) };
}

/** A 1x1 convolution, perhaps with a normalization, as the projection of a residual; null where the layers are no such. */
function projectionOf(
  [conv, norm, ...more]: readonly ReadLayer[],
): { stride: PerAxis; w: HostTensor; b: HostTensor } | null {
  if (conv?.key !== "conv" || more.length > 0 || (norm !== undefined && norm.key !== "batchNorm")) return null;
  const { kernel, stride, padding, activation } = conv.options as Record<string, unknown>, { w, b } = conv.params;
  const unpadded = isNone(paddingOf(padding as PaddingOption, kernel as PerAxis));
  if (axesOf(kernel as PerAxis).join() !== "1,1" || !unpadded || activation !== "none") return null;
  const channels = b!.data.length,
    { scale, shift } = norm === undefined
      ? { scale: new Float64Array(channels).fill(1), shift: new Float64Array(channels) }
      : normalization(norm);
  return {
    stride: stride as PerAxis,
    w: { ...w!, data: w!.data.map((value, i) => value * scale[i % channels]!) },
    b: { ...b!, data: b!.data.map((value, c) => value * scale[c]! + shift[c]!) },
  };
}

/** The sum of two values. Throws `Unread` where it is no residual of ours. */
export function sum(a: Value, b: Value, name: string): Value {
  const from = shared(a.link, b.link), chains = [chainOf(a.link, from), chainOf(b.link, from)];
  if (dimsOf(a).join() !== dimsOf(b).join()) throw new Unread(`adds ${dimsOf(a).join("x")} and ${dimsOf(b).join("x")}`);
  chains.sort((one, other) => other.length - one.length);
  const [layers, shortcut] = chains as [ReadLayer[], ReadLayer[]];
  if (layers.length === 0) throw new Unread("adds a value to itself");
  if (!sameImage(a, b)) throw new Unread("adds two values before which different things were done to the image");
  const residual = (options: { projection: boolean }, params: ReadLayer["params"]): Value => {
    const layer: ReadLayer = { key: "residual", name, options, params, layers };
    return { ...a, link: { parent: from, depth: from.depth + 1, layer, shape: a.shape } };
  };
  if (shortcut.length === 0) return residual({ projection: false }, {});
  const projection = projectionOf(shortcut);
  if (projection === null) {
    throw new Unread(
      "adds two branches of which neither is its input or a 1x1 convolution of it, with batch normalization or without",
    );
  }
  // A residual takes the stride from the shapes, which is the same but for a last row or column that is left out.
  const fits = axesOf(projection.stride).every((stride, axis) => {
    return a.shape[axis] === 1 || stride === Math.ceil(from.shape[axis]! / a.shape[axis]!);
  });
  if (!fits) throw new Unread("adds a 1x1 convolution whose stride leaves out more than its shapes tell");
  return residual({ projection: true }, { "projection/w": projection.w, "projection/b": projection.b });
}

/** Layers as a config has them, and their parameters by path; names are made of what they might be called. */
export function written(layers: readonly ReadLayer[], prefix = ""): {
  readonly entries: LayerConfig[];
  readonly params: Record<string, HostTensor>;
} {
  const taken = new Set(["projection", ...prefix.split("/")]), counts = new Map<string, number>();
  const entries: LayerConfig[] = [], params: Record<string, HostTensor> = {};
  for (const { key, name, options, params: own, layers: inner } of layers) {
    const base = /^[A-Za-z]/.test(name) ? name.replace(/[^\w-]/g, "_").slice(0, 60) : "",
      { autoName } = layerKinds.get(key);
    const number = (counts.get(key) ?? 0) + 1, automatic = autoName ?? ((n: number) => `${key}${n}`);
    counts.set(key, number);
    const plain = base === "" || (autoName !== undefined && taken.has(base));
    const candidate = (n: number) => plain ? automatic(number + n - 1) : n === 1 ? base : `${base}_${n}`;
    let n = 1;
    while (taken.has(candidate(n))) n++;
    const chosen = candidate(n), path = prefix + chosen;
    taken.add(chosen);
    for (const [param, tensor] of Object.entries(own)) params[`${path}/${param}`] = tensor;
    const made = inner === undefined ? null : written(inner, `${path}/`);
    Object.assign(params, made?.params);
    entries.push({ [key]: { name: chosen, ...options, ...(made === null ? {} : { layers: made.entries }) } });
  }
  return { entries, params };
}
