/** A whole network in float64, straight from its config: forward, loss, gradients, one unit's way back to the input. */
import type { Rule } from "../core/graph/layer.ts";
import type { ActivationConfig } from "../layers/activation.ts";
import type { AveragePoolConfig } from "../layers/average_pool.ts";
import { paddingOf } from "../layers/axis_options.ts";
import type { ConvConfig } from "../layers/conv.ts";
import type { DenseConfig } from "../layers/dense.ts";
import type { MaxPoolOptions } from "../layers/max_pool.ts";
import type { LayerConfig } from "../layers/layer_kind.ts";
import { namesOf, readEntry } from "../layers/network_config.ts";
import type { ConvProblem } from "../kernels/conv/conv_problem.ts";
import { axesOf } from "../kernels/per_axis.ts";
import { poolAxes, type PoolWindows } from "../kernels/layer/pool_windows.ts";
import { streamOf } from "../core/graph/random.ts";
import * as reference from "./_reference.ts";
import type { Numbers } from "./_reference.ts";

export type Named = Record<string, Numbers>;
interface Map {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

interface How {
  readonly rule: Rule;
  readonly switches: boolean;
}
const TRAINING: How = { rule: "gradient", switches: true };

/** What one layer leaves behind: its name, its output and its pullback, which adds to `grads`. */
export interface Pass {
  readonly name: string;
  readonly y: Numbers;
  readonly size: Map;
  pullback(dy: Numbers, grads: Named, how: How): Numbers;
}

function convPass(
  name: string,
  { kernel, stride, padding, channels, activation }: ConvConfig,
  params: Named,
  batch: number,
  x: Numbers,
  size: Map,
): Pass {
  const { top, left, bottom, right } = paddingOf(padding, kernel);
  const [rows, columns] = axesOf(kernel), [down, across] = axesOf(stride);
  const outHeight = Math.floor((size.height + top + bottom - rows) / down) + 1;
  const outWidth = Math.floor((size.width + left + right - columns) / across) + 1;
  const p: ConvProblem = {
    batch,
    height: size.height,
    width: size.width,
    inChannels: size.channels,
    outHeight,
    outWidth,
    outChannels: channels,
    kernel,
    stride,
    padding: [top, left],
  };
  const slope = activation === "none" ? 1 : activation === "relu" ? 0 : activation.leakyRelu.slope;
  const w = params[`${name}/w`]!;
  const y = reference.leakyRelu(reference.convForward(p, x, w, params[`${name}/b`]!), slope);
  return {
    name,
    y,
    size: { height: outHeight, width: outWidth, channels },
    pullback(dy, grads, { rule }) {
      const dz = activation === "none" ? dy : reference.reluPullback(rule, slope, dy, y);
      grads[`${name}/w`] = reference.convBackwardWeight(p, x, dz);
      grads[`${name}/b`] = reference.sumRows(channels, dz);
      return reference.convBackwardData(p, dz, w);
    },
  };
}

type Masks = { readonly seed: number; readonly step: number; readonly first: number } | null;

function pooled(p: PoolWindows): Map {
  const { y, x } = poolAxes(p);
  return { height: y.out, width: x.out, channels: p.channels };
}

/** What each kind does: its options, its path, and what it reads. */
type Maker = (
  options: never,
  at: { readonly name: string; readonly x: Numbers; readonly batch: number; readonly size: Map },
  params: Named,
  dropout: Masks,
) => Pass;
const MAKERS: Readonly<Record<string, Maker>> = {
  conv: (options: ConvConfig, { name, x, batch, size }, params) => convPass(name, options, params, batch, x, size),
  dropout({ rate }: { rate: number }, { name, x, size }, _params, dropout) {
    const before = dropout === null ? 0 : dropout.first * size.height * size.width * size.channels;
    const at = { ...dropout!, stream: streamOf(name), before };
    const mask = (values: Numbers) => dropout === null ? values : reference.dropout(values, rate, at);
    return { name, y: mask(x), size, pullback: mask };
  },
  dense({ channels, activation }: DenseConfig, { name, x, batch, size }, params) {
    const kernel = [size.height, size.width] as const;
    const options = { channels, activation, kernel, stride: 1, padding: "valid", initialBias: 0 } as const;
    return convPass(name, options, params, batch, x, size);
  },
  activation({ function: f }: ActivationConfig, { name, x, size }) {
    if (typeof f === "string" && f !== "relu") {
      const { y, slope } = reference.SMOOTH[f];
      return { name, y: x.map(y), size, pullback: (dy, _grads, { rule }) => reference.mapPullback(rule, slope, dy, x) };
    }
    const slope = f === "relu" ? 0 : f.leakyRelu.slope, y = reference.leakyRelu(x, slope);
    return { name, y, size, pullback: (dy, _grads, { rule }) => reference.reluPullback(rule, slope, dy, y) };
  },
  averagePool({ kernel, stride, padding, countPadding }: AveragePoolConfig, { name, x, batch, size }) {
    const p = { batch, ...size, kernel, stride, padding: paddingOf(padding, kernel), rounding: "down" as const };
    return {
      name,
      y: reference.averagePool(p, countPadding, x),
      size: pooled(p),
      pullback: (dy) => reference.averagePoolBackward(p, countPadding, dy),
    };
  },
  maxPool({ kernel, stride, padding = "valid", rounding = "up" }: MaxPoolOptions, { name, x, batch, size }) {
    const around = { padding: paddingOf(padding, kernel), ...(rounding === "down" ? { rounding } : {}) };
    const inputs = x.length, p = { batch, ...size, kernel, stride, ...around }, { y, from } = reference.maxPool(p, x);
    return {
      name,
      y,
      size: pooled(p),
      pullback: (dy, _grads, { switches }) =>
        switches ? reference.maxPoolBackward(inputs, from, dy) : reference.maxPoolSpread(p, dy),
    };
  },
  globalAveragePool(_options, { name, x, batch, size: { height, width, channels } }) {
    const positions = height * width;
    return {
      name,
      y: reference.globalAveragePool(batch, positions, channels, x),
      size: { height: 1, width: 1, channels },
      pullback: (dy) => reference.globalAveragePoolBackward(batch, positions, channels, dy),
    };
  },
};

/** The forward pass; `dropout` names the masks, as the step buffer does; null turns dropout off. */
export function forward(
  layers: readonly LayerConfig[],
  params: Named,
  { x, batch, size }: { x: Numbers; readonly batch: number; size: Map },
  dropout: Masks,
  parent = "",
): Pass[] {
  const passes: Pass[] = [], names = namesOf(layers);
  for (const [index, layer] of layers.entries()) {
    const { kind, options, layers: inner } = readEntry(layer), name = `${parent}${names[index]}`;
    if (kind.composite) passes.push(...forward(inner, params, { x, batch, size }, dropout, `${name}/`));
    else passes.push(MAKERS[kind.key]!(options as never, { name, x, batch, size }, params, dropout));
    ({ y: x, size } = passes.at(-1)!);
  }
  return passes;
}

/** Mean loss and its gradients. */
export function lossAndGrads(
  layers: readonly LayerConfig[],
  params: Named,
  { x, labels, size }: { x: Numbers; labels: ArrayLike<number>; size: Map },
  dropout: Masks,
  wantGrads = true,
): { loss: number; grads: Named } {
  const passes = forward(layers, params, { x, batch: labels.length, size }, dropout), { y, size: end } = passes.at(-1)!;
  const { loss, dlogits } = reference.softmaxCrossEntropy(y, labels, end.channels);
  const grads: Named = {};
  if (wantGrads) passes.reduceRight<Numbers>((dy, pass) => pass.pullback(dy, grads, TRAINING), dlogits);
  return { loss, grads };
}

/** The signal at the input for `dy` behind the layer `name`. */
export function signalBack(passes: readonly Pass[], name: string, dy: Numbers, how: How): Numbers {
  const last = passes.findIndex((pass) => pass.name === name);
  return passes.slice(0, last + 1).reduceRight<Numbers>((signal, pass) => pass.pullback(signal, {}, how), dy);
}
