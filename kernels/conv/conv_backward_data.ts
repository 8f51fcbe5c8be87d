/**
 * The gradient of a convolution's input, by phases: the input rows h with (h + p) mod s = phase are touched by the
 * kernel rows ky = phase + s*t alone, so no zero of a dilated dy is ever multiplied:
 *
 *   dx[n,h,w,ci] = sum over ty,tx,co of dy[n, (h + p - ky)/s, (w + p - kx)/s, co] * w[ky,kx,ci,co]
 *
 * Each phase is a product of pixels, as conv_forward is. Input pixels that no output reads get 0. With a mask, dx is
 * multiplied by the derivative of the ReLU, and of the dropout behind it, that made x (epilogue.ts).
 */
import { convCost, type ConvProblem, flattened } from "./conv_problem.ts";
import { epilogueReads } from "./epilogue.ts";
import type { Mask } from "../pointwise.ts";
import { PLAIN_PRODUCT } from "./families/direct.ts";
import type { ConvTuning } from "./families/family.ts";
import type { Axis, PixelProduct } from "./operands/pixel_product.ts";
import { methodOf, productTunings } from "./tunings.ts";
import { elementBytes } from "../dtype.ts";
import { type Kernel, read, write } from "../kernel.ts";
import { axesOf } from "../per_axis.ts";
import { ceilDiv } from "../wgsl.ts";

/** The gradient of a convolution's input. */
export interface ConvBackwardDataProblem extends ConvProblem {
  /** What the gradient is multiplied by as it is stored; absent: nothing. */
  readonly mask?: Mask;
}

/** The inputs start, start + s, ... of one dimension, which the kernel offsets phase, phase + s, ... reach. */
function phaseAxis(p: ConvProblem, at: 0 | 1, phase: number): Axis {
  const [stride, padding, kernel] = [p.stride, p.padding, p.kernel].map((each) => axesOf(each)[at]) as [
    number,
    number,
    number,
  ];
  const size = at === 0 ? p.height : p.width;
  const start = (((phase - padding) % stride) + stride) % stride; // first h with (h + p) mod s = phase
  return {
    count: Math.max(0, ceilDiv(size - start, stride)),
    outStart: start,
    outStep: stride,
    inStart: (start + padding - phase) / stride,
    inStep: 1,
    tapStep: -1,
    taps: Math.max(0, ceilDiv(kernel - phase, stride)),
    sliceStart: phase,
    sliceStep: stride,
  };
}

/** One product for each phase that touches an input. */
function productsOf(p: ConvProblem, mask: Mask | undefined): PixelProduct[] {
  const [down, across] = axesOf(p.stride);
  return Array.from({ length: down * across }, (_, phase): PixelProduct => ({
    batch: p.batch,
    input: { height: p.outHeight, width: p.outWidth, channels: p.outChannels },
    output: { height: p.height, width: p.width, channels: p.inChannels },
    y: phaseAxis(p, 0, Math.floor(phase / across)),
    x: phaseAxis(p, 1, phase % across),
    kernel: p.kernel,
    dtype: p.dtype,
    epilogue: { mask: mask ?? null },
  })).filter(({ y, x }) => y.count * x.count > 0);
}

/**
 * Reads dy [batch, outHeight, outWidth, out], w [kernel height, kernel width, in, out], and the mask [as dx] if any;
 * writes dx [batch, height, width, in].
 */
export const convBackwardData: Kernel<ConvBackwardDataProblem, ConvTuning> = {
  name: "conv_backward_data",
  tunings: (p, limits) => productTunings(productsOf(flattened(p), p.mask), limits),
  reference: () => PLAIN_PRODUCT,
  stages(p, tuning) {
    const operands = { input: read(0), weights: read(1), transposed: true, epilogue: epilogueReads(p, 2) };
    const products = productsOf(flattened(p), p.mask);
    return methodOf(tuning).product.stages(products, tuning, { ...operands, output: write(0) });
  },
  absorb: (p, next) => "mask" in next && p.mask === undefined ? { ...p, ...next } : null,
  cost(p) {
    const cost = convCost(p), elements = p.batch * p.height * p.width * p.inChannels;
    return { ...cost, bytes: cost.bytes + (p.mask ? elementBytes(p.dtype) * elements : 0) };
  },
};
