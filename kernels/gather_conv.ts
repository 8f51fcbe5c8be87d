/**
 * What conv_forward and conv_backward_data have in common: both gather. Each output pixel sums, over a grid of taps
 * and all input channels k, an input pixel times a slice of weights:
 *
 *   out[n, i*outStep + outStart, j*outStep + outStart, c] = activation(bias[c] +
 *     sum over ty,tx,k of in[n, i*inStep + inStart + ty*tapStep, j*inStep + inStart + tx*tapStep, k] * w[slice, k, c])
 *
 * with slice = (sliceStart + ty*sliceStep) * kernel + sliceStart + tx*sliceStep, each dimension with its own numbers.
 * As a matrix product: rows are output pixels, columns are output channels, the inner dimension is (ty, tx, k).
 */
import { f32 } from "./wgsl.ts";

/** Along one dimension: where output i lies, and which inputs and weight slices its taps touch. */
export interface Axis {
  readonly count: number;
  readonly outStart: number;
  readonly outStep: number;
  readonly inStart: number;
  readonly inStep: number;
  /** Input offset from one tap to the next, and their number. */
  readonly tapStep: number;
  readonly taps: number;
  /** Weight slice of the first tap, and the step to the next. */
  readonly sliceStart: number;
  readonly sliceStep: number;
}

export interface GatherConv {
  readonly batch: number;
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  readonly output: { readonly height: number; readonly width: number; readonly channels: number };
  readonly y: Axis;
  readonly x: Axis;
  /** Weight slices per row of taps. */
  readonly kernel: number;
  readonly bias: boolean;
  /** Slope of the activation for negative results: 0 for ReLU, null for none. */
  readonly slope: number | null;
}

/** The bindings of both families, with vectors of `depth` input channels and `width` output channels. */
export function gatherBindings({ bias }: GatherConv, inType: string, outType: string): string {
  return `@group(0) @binding(0) var<storage, read> input: array<${inType}>;
@group(0) @binding(1) var<storage, read> weights: array<${outType}>;
${bias ? `@group(0) @binding(2) var<storage, read> bias: array<${outType}>;` : ""}
@group(0) @binding(${bias ? 3 : 2}) var<storage, read_write> output: array<${outType}>;`;
}

/** WGSL that names the loop variables over taps: the weight slice, as an i32 expression of `ty` and `tx`. */
export function sliceOf({ y, x, kernel }: GatherConv): string {
  return `(${y.sliceStart} + ty * ${y.sliceStep}) * ${kernel} + ${x.sliceStart} + tx * ${x.sliceStep}`;
}

/** The input coordinate of output `index` and tap `tap` along an axis, an i32 expression. */
export function inputAt({ inStep, inStart, tapStep }: Axis, index: string, tap: string): string {
  return `${index} * ${inStep} + ${inStart} + ${tap} * ${tapStep}`;
}

/** Can a tap fall outside the input? If not, no shader need test it. */
export function leavesInput(axis: Axis, size: number): boolean {
  const reach = axis.tapStep * (axis.taps - 1), last = (axis.count - 1) * axis.inStep + axis.inStart;
  return axis.inStart + Math.min(0, reach) < 0 || last + Math.max(0, reach) >= size;
}

/** The activation of `value`, an expression of type `type`. */
export function activated({ slope }: GatherConv, value: string, type: string): string {
  if (slope === null) return value;
  return slope === 0 ? `max(${value}, ${type}())` : `max(${value}, ${f32(slope)} * (${value}))`;
}
