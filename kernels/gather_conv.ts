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
import { type Epilogue, epilogueDeclarations } from "./epilogue.ts";
import { ceilDiv } from "./wgsl.ts";

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
  /** Image n has one slice of weights of its own, the n-th: a batch of matrix products. */
  readonly weightsPerImage?: boolean;
  readonly epilogue: Epilogue;
}

/** The bindings of every family: input, weights, those of the epilogue, output. */
export function gatherBindings({ epilogue }: GatherConv, inType: string, outType: "f32" | "vec4f"): string {
  return `@group(0) @binding(0) var<storage, read> input: array<${inType}>;
@group(0) @binding(1) var<storage, read> weights: array<${outType}>;
${epilogueDeclarations(epilogue, 2, outType)}`;
}

/** The weight slice, as an i32 expression of the loop variables `ty` and `tx` over taps. */
export function sliceOf({ y, x, kernel, weightsPerImage = false }: GatherConv): string {
  if (weightsPerImage) return "i32(span)";
  return `(${y.sliceStart} + ty * ${y.sliceStep}) * ${kernel} + ${x.sliceStart} + tx * ${x.sliceStep}`;
}

/**
 * Output pixels in tiles of `rows`: all in one row, or, where each image has weights of its own, image by image, so
 * that no tile holds pixels of two. `locate` is WGSL from a tile's index to `span` (the image), `first` and `end`: the
 * tile holds the pixels first ... min(first + rows, end) - 1.
 */
export function pixelTiles({ batch, y, x, weightsPerImage = false }: GatherConv, rows: number) {
  const image = y.count * x.count, spans = weightsPerImage ? batch : 1, size = batch * image / spans;
  const perSpan = ceilDiv(size, rows);
  return {
    tiles: spans * perSpan,
    locate: (tile: string) =>
      `  let span = (${tile}) / ${perSpan}u;
  let first = span * ${size}u + (${tile}) % ${perSpan}u * ${rows}u;
  let end = (span + 1u) * ${size}u;`,
  };
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
