/** A whole network in float64, straight from its config: forward, loss, gradients, one step of SGD. */
import type { LayerConfig } from "../layers/mod.ts";
import type { ConvProblem } from "../kernels/conv_problem.ts";
import { pooledSize } from "../kernels/max_pool.ts";
import { streamOf } from "../core/random.ts";
import * as reference from "./_reference.ts";
import type { Numbers } from "./_reference.ts";

export type Named = Record<string, Numbers>;
interface Map {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** What one layer leaves behind: its output and its pullback, which adds to `grads`. */
interface Pass {
  readonly y: Numbers;
  readonly size: Map;
  pullback(dy: Numbers, grads: Named): Numbers | null;
}

function convPass(
  { name, kernel, stride, padding, channels, activation }: Extract<LayerConfig, { conv: unknown }>["conv"],
  params: Named,
  batch: number,
  x: Numbers,
  size: Map,
  first: boolean,
): Pass {
  const before = padding === "same" ? Math.floor((kernel - 1) / 2) : padding === "valid" ? 0 : padding;
  const total = padding === "same" ? kernel - 1 : 2 * before;
  const out = (length: number) => Math.floor((length + total - kernel) / stride) + 1;
  const outHeight = out(size.height), outWidth = out(size.width);
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
    padding: before,
  };
  const slope = activation === "none" ? 1 : activation === "relu" ? 0 : activation.leakyRelu.slope;
  const w = params[`${name}/w`]!;
  const y = reference.leakyRelu(reference.convForward(p, x, w, params[`${name}/b`]!), slope);
  return {
    y,
    size: { height: outHeight, width: outWidth, channels },
    pullback(dy, grads) {
      const dz = reference.reluPullback("gradient", slope, dy, y);
      grads[`${name}/w`] = reference.convBackwardWeight(p, x, dz);
      grads[`${name}/b`] = reference.sumRows(channels, dz);
      return first ? null : reference.convBackwardData(p, dz, w);
    },
  };
}

/** Mean loss and its gradients; `dropout` names the masks, as the step buffer does; null turns dropout off. */
export function lossAndGrads(
  layers: readonly LayerConfig[],
  params: Named,
  { x, labels, size }: { x: Numbers; labels: ArrayLike<number>; size: Map },
  dropout: { seed: number; step: number; first: number } | null,
  wantGrads = true,
): { loss: number; grads: Named } {
  const batch = labels.length, passes: Pass[] = [];
  let dropouts = 0, convs = 0;
  for (const layer of layers) {
    const { channels } = size, positions = size.height * size.width;
    let pass: Pass;
    if (layer === "globalAveragePool") {
      pass = {
        y: reference.globalAveragePool(batch, positions, channels, x),
        size: { height: 1, width: 1, channels },
        pullback: (dy) => reference.globalAveragePoolBackward(batch, positions, channels, dy),
      };
    } else if ("conv" in layer) {
      pass = convPass(layer.conv, params, batch, x, size, convs++ === 0);
    } else if ("dropout" in layer) {
      const before = dropout === null ? 0 : dropout.first * positions * channels, { rate } = layer.dropout;
      const at = { ...dropout!, stream: streamOf(`dropout${++dropouts}`), before };
      const mask = (values: Numbers) => dropout === null ? values : reference.dropout(values, rate, at);
      pass = { y: mask(x), size, pullback: mask };
    } else {
      const { kernel, stride } = layer.maxPool, inputs = x.length;
      const { y, from } = reference.maxPool({ batch, ...size, kernel, stride }, x);
      const pooled = (length: number) => pooledSize(length, kernel, stride);
      pass = {
        y,
        size: { height: pooled(size.height), width: pooled(size.width), channels },
        pullback: (dy) => reference.maxPoolBackward(inputs, from, dy),
      };
    }
    passes.push(pass);
    ({ y: x, size } = pass);
  }
  const { loss, dlogits } = reference.softmaxCrossEntropy(x, labels, size.channels);
  const grads: Named = {};
  let dy: Numbers | null = wantGrads ? dlogits : null;
  for (const pass of passes.reverse()) dy = dy && pass.pullback(dy, grads);
  return { loss, grads };
}
