/** Naive float64 versions of every kernel: obviously right, and checked by finite differences. */
import { type ConvProblem, tapsOf } from "../kernels/conv/conv_problem.ts";
import { poolAxes, type PoolWindows } from "../kernels/layer/pool_windows.ts";
import { axesOf, NO_PADDING } from "../kernels/per_axis.ts";
import { key, unit } from "../core/graph/random.ts";

export type Numbers = Float64Array;

/** Calls `visit` with the offsets of the first channels of x, w and y for each product of a convolution. */
function products(p: ConvProblem, visit: (x: number, w: number, y: number) => void): void {
  const [rows, columns] = axesOf(p.kernel), [down, across] = axesOf(p.stride), [top, left] = axesOf(p.padding);
  for (let n = 0; n < p.batch; n++) {
    for (let oy = 0; oy < p.outHeight; oy++) {
      for (let ox = 0; ox < p.outWidth; ox++) {
        for (let ky = 0; ky < rows; ky++) {
          for (let kx = 0; kx < columns; kx++) {
            const iy = oy * down + ky - top, ix = ox * across + kx - left;
            if (iy < 0 || iy >= p.height || ix < 0 || ix >= p.width) continue;
            visit(
              ((n * p.height + iy) * p.width + ix) * p.inChannels,
              (ky * columns + kx) * p.inChannels * p.outChannels,
              ((n * p.outHeight + oy) * p.outWidth + ox) * p.outChannels,
            );
          }
        }
      }
    }
  }
}

export function convForward(p: ConvProblem, x: Numbers, w: Numbers, b: Numbers | null): Numbers {
  const y = new Float64Array(p.batch * p.outHeight * p.outWidth * p.outChannels);
  if (b !== null) { for (let i = 0; i < y.length; i++) y[i] = b[i % p.outChannels]!; }
  products(p, (xAt, wAt, yAt) => {
    for (let ci = 0; ci < p.inChannels; ci++, wAt += p.outChannels) {
      const value = x[xAt + ci]!;
      if (value !== 0) { for (let co = 0; co < p.outChannels; co++) y[yAt + co]! += value * w[wAt + co]!; }
    }
  });
  return y;
}

export function convBackwardData(p: ConvProblem, dy: Numbers, w: Numbers): Numbers {
  const { inChannels, outChannels } = p, dx = new Float64Array(p.batch * p.height * p.width * inChannels);
  const outToIn = w.map((_, i) => { // [ky, kx, co, ci]: the inner loop goes along it, and half of dy is often 0
    const ci = i % inChannels, co = Math.floor(i / inChannels) % outChannels;
    return w[i - i % (inChannels * outChannels) + ci * outChannels + co]!;
  });
  products(p, (xAt, wAt, yAt) => {
    for (let co = 0; co < outChannels; co++, wAt += inChannels) {
      const value = dy[yAt + co]!;
      if (value !== 0) { for (let ci = 0; ci < inChannels; ci++) dx[xAt + ci]! += value * outToIn[wAt + ci]!; }
    }
  });
  return dx;
}

export function convBackwardWeight(p: ConvProblem, x: Numbers, dy: Numbers): Numbers {
  const dw = new Float64Array(tapsOf(p) * p.inChannels * p.outChannels);
  products(p, (xAt, wAt, yAt) => {
    for (let ci = 0; ci < p.inChannels; ci++, wAt += p.outChannels) {
      const value = x[xAt + ci]!;
      if (value !== 0) { for (let co = 0; co < p.outChannels; co++) dw[wAt + co]! += value * dy[yAt + co]!; }
    }
  });
  return dw;
}

export function sumRows(columns: number, x: Numbers): Numbers {
  const y = new Float64Array(columns);
  x.forEach((value, i) => y[i % columns]! += value);
  return y;
}

export function leakyRelu(x: Numbers, slope: number): Numbers {
  return x.map((value) => value > 0 ? value : slope * value);
}

/** The error function by its series; from 4 on, where that cancels, it is 1 but for 1.5e-8. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; n < 150; n++) sum += (term *= -(x ** 2) / n) / (2 * n + 1);
  return 2 / Math.sqrt(Math.PI) * sum;
}

/** Functions of each element that are no ReLU, and their derivatives. */
export const SMOOTH = {
  gelu: {
    y: (x: number) => x / 2 * (1 + erf(x / Math.SQRT2)),
    slope: (x: number) => (1 + erf(x / Math.SQRT2)) / 2 + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI),
  },
  silu: {
    y: (x: number) => x / (1 + Math.exp(-x)),
    slope: (x: number) => (1 + Math.exp(-x) * (1 + x)) / (1 + Math.exp(-x)) ** 2,
  },
} as const;

/** The way back through a function with that slope, by all rules. */
export function mapPullback(
  rule: "gradient" | "deconvnet" | "guided",
  slope: (x: number) => number,
  dy: Numbers,
  x: Numbers,
) {
  return dy.map((d, i) => {
    if (rule === "gradient") return slope(x[i]!) * d;
    return rule === "deconvnet" ? Math.max(d, 0) : Math.max(slope(x[i]!) * Math.max(d, 0), 0);
  });
}

export function reluPullback(rule: "gradient" | "deconvnet" | "guided", slope: number, dy: Numbers, y: Numbers) {
  return dy.map((d, i) => {
    if (rule === "gradient") return y[i]! > 0 ? d : slope * d;
    return d > 0 && (rule === "deconvnet" || y[i]! > 0) ? d : 0;
  });
}

/** Of each output, the inputs in its window, row by row, and how many taps the kernel has. */
function windowsOf(p: PoolWindows): { windows: number[][]; taps: number } {
  const [rows, columns] = axesOf(p.kernel), [down, across] = axesOf(p.stride), { top, left } = p.padding ?? NO_PADDING;
  const { y, x } = poolAxes(p), windows: number[][] = [];
  for (let n = 0; n < p.batch; n++) {
    for (let oy = 0; oy < y.out; oy++) {
      for (let ox = 0; ox < x.out; ox++) {
        for (let c = 0; c < p.channels; c++) {
          const window: number[] = [];
          for (let h = oy * down - top; h < oy * down - top + rows; h++) {
            for (let w = ox * across - left; w < ox * across - left + columns; w++) {
              if (h < 0 || h >= p.height || w < 0 || w >= p.width) continue;
              window.push(((n * p.height + h) * p.width + w) * p.channels + c);
            }
          }
          windows.push(window);
        }
      }
    }
  }
  return { windows, taps: rows * columns };
}

export function maxPool(p: PoolWindows, x: Numbers): { y: Numbers; from: Int32Array } {
  const from = windowsOf(p).windows.map((window) =>
    window.reduce((best, i) => x[i]! > x[best]! ? i : best, window[0]!)
  );
  return { y: Float64Array.from(from, (i) => x[i]!), from: Int32Array.from(from) };
}

export function maxPoolBackward(inputs: number, from: Int32Array, dy: Numbers): Numbers {
  const dx = new Float64Array(inputs);
  from.forEach((i, o) => dx[i]! += dy[o]!);
  return dx;
}

/** Without switches: each element of dy, spread evenly over its window. */
export function maxPoolSpread(p: PoolWindows, dy: Numbers): Numbers {
  return averagePoolBackward(p, false, dy);
}

export function averagePool(p: PoolWindows, countPadding: boolean, x: Numbers): Numbers {
  const { windows, taps } = windowsOf(p);
  return Float64Array.from(windows, (window) => {
    return window.reduce((sum, i) => sum + x[i]!, 0) / (countPadding ? taps : window.length);
  });
}

export function averagePoolBackward(p: PoolWindows, countPadding: boolean, dy: Numbers): Numbers {
  const { windows, taps } = windowsOf(p), dx = new Float64Array(p.batch * p.height * p.width * p.channels);
  windows.forEach((window, o) => {
    for (const i of window) dx[i]! += dy[o]! / (countPadding ? taps : window.length);
  });
  return dx;
}

/**
 * Multiplies by the mask that the dropout kernel draws; its own backward pass. `before` counts the elements of the
 * epoch's examples before those of x.
 */
export function dropout(
  x: Numbers,
  rate: number,
  { seed, step, stream, before = 0 }: { seed: number; step: number; stream: number; before?: number },
): Numbers {
  const k = key(seed, step, stream);
  const threshold = Math.fround(rate), scale = 1 / (1 - rate);
  return x.map((value, i) => unit(k, (before + i) % 2 ** 32) >= threshold ? value * scale : 0);
}

export function globalAveragePool(batch: number, positions: number, channels: number, x: Numbers): Numbers {
  const y = new Float64Array(batch * channels);
  x.forEach((value, i) => y[Math.floor(i / (positions * channels)) * channels + i % channels]! += value / positions);
  return y;
}

export function globalAveragePoolBackward(batch: number, positions: number, channels: number, dy: Numbers): Numbers {
  return new Float64Array(batch * positions * channels).map((_, i) =>
    dy[Math.floor(i / (positions * channels)) * channels + i % channels]! / positions
  );
}

/** Mean loss, number of errors and the gradient of the mean loss. */
export function softmaxCrossEntropy(logits: Numbers, labels: ArrayLike<number>, classes: number) {
  const batch = labels.length, dlogits = new Float64Array(logits.length);
  let loss = 0, errors = 0;
  for (let n = 0; n < batch; n++) {
    const row = logits.subarray(n * classes, (n + 1) * classes);
    const largest = Math.max(...row);
    const exps = row.map((z) => Math.exp(z - largest));
    const sum = exps.reduce((a, b) => a + b, 0);
    loss += (Math.log(sum) + largest - row[labels[n]!]!) / batch;
    if (row.indexOf(largest) !== labels[n]) errors++;
    exps.forEach((e, k) => dlogits[n * classes + k] = (e / sum - (k === labels[n] ? 1 : 0)) / batch);
  }
  return { loss, errors, dlogits };
}

/** One update in place. */
export function sgd(
  w: Numbers,
  v: Numbers,
  g: Numbers,
  { momentum, weightDecay, learningRate }: { momentum: number; weightDecay: number; learningRate: number },
): void {
  w.forEach((value, i) => {
    v[i] = momentum * v[i]! - learningRate * (g[i]! + weightDecay * value);
    w[i] = value + v[i]!;
  });
}

/** Batch normalization of x [rows, channels], with its own statistics or given ones; the variance is divided by rows. */
export function batchNorm(
  x: Numbers,
  { gamma, beta, epsilon }: { readonly gamma: Numbers; readonly beta: Numbers; readonly epsilon: number },
  given: { readonly mean: Numbers; readonly variance: Numbers } | null = null,
): { readonly y: Float64Array; readonly mean: Numbers; readonly variance: Numbers } {
  const channels = gamma.length, rows = x.length / channels;
  const averages = (of: (value: number, c: number) => number) =>
    Float64Array.from({ length: channels }, (_, c) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += of(x[row * channels + c]!, c);
      return sum / rows;
    });
  const mean = given?.mean ?? averages((value) => value);
  const variance = given?.variance ?? averages((value, c) => (value - mean[c]!) ** 2);
  const y = Float64Array.from(x, (value, i) => {
    const c = i % channels;
    return gamma[c]! * (value - mean[c]!) / Math.sqrt(variance[c]! + epsilon) + beta[c]!;
  });
  return { y, mean, variance };
}

/** Step t = 1, 2, ... of PyTorch's Adam or, decoupled, AdamW, in place: parameters and both moments. */
export function adam(
  { w, m, v }: { readonly w: Numbers; readonly m: Numbers; readonly v: Numbers },
  g: Numbers,
  { beta1, beta2, epsilon, weightDecay, decoupled, learningRate, t }:
    & {
      readonly [Key in "beta1" | "beta2" | "epsilon" | "weightDecay" | "learningRate" | "t"]: number;
    }
    & { readonly decoupled: boolean },
): void {
  w.forEach((value, i) => {
    const kept = decoupled ? value * (1 - learningRate * weightDecay) : value;
    const gradient = g[i]! + (decoupled ? 0 : weightDecay * value);
    m[i] = beta1 * m[i]! + (1 - beta1) * gradient;
    v[i] = beta2 * v[i]! + (1 - beta2) * gradient ** 2;
    const mean = m[i]! / (1 - beta1 ** t), square = v[i]! / (1 - beta2 ** t);
    w[i] = kept - learningRate * mean / (Math.sqrt(square) + epsilon);
  });
}

/**
 * The k largest maxima of each channel as (value, example, position), the largest first and of equal ones the lower
 * example; examples without a label and maxima that are no numbers do not count.
 */
export function topK(
  maxima: Numbers,
  positions: ArrayLike<number>,
  counts: readonly boolean[],
  { channels, k }: { channels: number; k: number },
): { value: number; example: number; position: number }[][] {
  return Array.from({ length: channels }, (_, c) =>
    counts.flatMap((counted, example) => {
      const value = maxima[example * channels + c]!, position = positions[example * channels + c]!;
      return counted && !Number.isNaN(value) ? [{ value, example, position }] : [];
    }).sort((a, b) => b.value - a.value || a.example - b.example).slice(0, k));
}
