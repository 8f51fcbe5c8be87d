/**
 * Convolution forward, with bias, activation and dropout fused:
 *
 *   y[n,oy,ox,co] = dropout(activation(b[co] +
 *     sum over ky,kx,ci of x[n, oy*s + ky - p, ox*s + kx - p, ci] * w[ky,kx,ci,co]))
 */
import { convCost, type ConvProblem, flattened } from "./conv_problem.ts";
import type { Dropout } from "../pointwise.ts";
import { type Epilogue, epilogueReads } from "./epilogue.ts";
import { PLAIN_PRODUCT } from "./families/direct.ts";
import type { ConvTuning } from "./families/family.ts";
import { everyPixel, type PixelProduct } from "./operands/pixel_product.ts";
import { methodOf, productTunings } from "./tunings.ts";
import { type Kernel, read, write } from "../kernel.ts";
import { axesOf } from "../per_axis.ts";

/** A convolution with what is done to its output as it is stored. */
export interface ConvForwardProblem extends ConvProblem {
  /** Is a bias added, one for each output channel? */
  readonly bias: boolean;
  /** Slope of the activation for negative values: 0 for ReLU, null for none. */
  readonly slope: number | null;
  /** Which outputs are dropped; absent: none. */
  readonly dropout?: Dropout;
}

function productOf(p: ConvProblem, epilogue: Epilogue): PixelProduct {
  const [taps, steps, padding] = [axesOf(p.kernel), axesOf(p.stride), axesOf(p.padding)];
  const axis = (at: 0 | 1, count: number) => {
    return { ...everyPixel(count), inStart: -padding[at], inStep: steps[at], taps: taps[at] };
  };
  return {
    batch: p.batch,
    input: { height: p.height, width: p.width, channels: p.inChannels },
    output: { height: p.outHeight, width: p.outWidth, channels: p.outChannels },
    y: axis(0, p.outHeight),
    x: axis(1, p.outWidth),
    kernel: p.kernel,
    dtype: p.dtype,
    epilogue,
  };
}

/**
 * Reads x [batch, height, width, in], w [kernel height, kernel width, in, out], b [out] and the step buffer, if
 * any; writes y.
 *
 * @example
 * ```ts
 * const image = { batch: 1, height: 8, width: 8, inChannels: 1, outHeight: 8, outWidth: 8, outChannels: 8 };
 * const problem = { ...image, kernel: 3, stride: 1, padding: 1, bias: true, slope: 0 };
 * const tuning = convForward.tunings(problem, device.limits)[0]!; // the likely fastest comes first
 * const [first] = convForward.stages(problem, tuning).dispatches;
 * console.log(first!.shader.code.includes("@compute"), convForward.cost(problem).flops); // true 9216
 * ```
 */
export const convForward: Kernel<ConvForwardProblem, ConvTuning> = {
  name: "conv_forward",
  tunings: (p, limits) => productTunings([productOf(flattened(p), p)], limits),
  reference: () => PLAIN_PRODUCT,
  stages(p, tuning) {
    const operands = { input: read(0), weights: read(1), transposed: false, epilogue: epilogueReads(p, 2) };
    return methodOf(tuning).product.stages([productOf(flattened(p), p)], tuning, { ...operands, output: write(0) });
  },
  absorb(p, next) {
    if (p.dropout !== undefined) return null;
    if ("relu" in next) return p.slope === null ? { ...p, ...next.relu } : null;
    // Only a result that is never negative, so that its mask stays right (kernels/pointwise.ts).
    return "dropout" in next && p.slope === 0 ? { ...p, ...next } : null;
  },
  cost: convCost,
};
