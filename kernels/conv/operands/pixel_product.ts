/**
 * Products of pixels, which conv_forward, conv_backward_data and Winograd's algorithm have in common. Each output pixel
 * sums, over a grid of taps and all input channels k, an input pixel times a slice of weights:
 *
 *   out[n, i*outStep + outStart, j*outStep + outStart, c] = activation(bias[c] +
 *     sum over ty,tx,k of in[n, i*inStep + inStart + ty*tapStep, j*inStep + inStart + tx*tapStep, k] * w[slice, k, c])
 *
 * with slice = (sliceStart + ty*sliceStep) * kernel width + sliceStart + tx*sliceStep, each dimension with its own numbers.
 * As a matrix product: rows are output pixels, columns are output channels, the inner dimension is (ty, tx, k). Here is
 * how its operands are declared, located and loaded.
 */
import { type Epilogue, epilogueDeclarations } from "../epilogue.ts";
import { type Computed, enableDtype, type FloatType, stored } from "../../dtype.ts";
import { operand } from "./operand.ts";
import { axesOf, type PerAxis } from "../../per_axis.ts";
import { ceilDiv } from "../../wgsl.ts";

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

export interface PixelProduct {
  readonly batch: number;
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  readonly output: { readonly height: number; readonly width: number; readonly channels: number };
  readonly y: Axis;
  readonly x: Axis;
  /** Weight slices: rows of taps, and slices per row. */
  readonly kernel: PerAxis;
  /** Image n has one slice of weights of its own, the n-th: a batch of matrix products. */
  readonly weightsPerImage?: boolean;
  readonly dtype?: FloatType | undefined;
  readonly epilogue: Epilogue;
}

/** Every pixel along a dimension, each of which is its own input. */
export const everyPixel = (count: number): Axis => ({
  count,
  outStart: 0,
  outStep: 1,
  inStart: 0,
  inStep: 1,
  tapStep: 1,
  taps: 1,
  sliceStart: 0,
  sliceStep: 1,
});

/** The input coordinate of output `index` and tap `tap` along an axis, an i32 expression. */
function inputAt({ inStep, inStart, tapStep }: Axis, index: string, tap: string): string {
  return `${index} * ${inStep} + ${inStart} + ${tap} * ${tapStep}`;
}

/** Can a tap fall outside the input? If not, no shader need test it. */
function leaves(axis: Axis, size: number): boolean {
  const reach = axis.tapStep * (axis.taps - 1), last = (axis.count - 1) * axis.inStep + axis.inStart;
  return axis.inStart + Math.min(0, reach) < 0 || last + Math.max(0, reach) >= size;
}

/**
 * The arrays are loaded as `inType` and `outType`; sums are of `sumType`, where weights are loaded as they are stored.
 * Bindings: input, weights [slices, in, out], those of the epilogue, output. Declarations start with a directive where
 * there is half precision, so they are to be put before all others.
 */
export function productOperands(g: PixelProduct, inType: Computed, outType: Computed, sumType = outType) {
  const { y, x, input: { height, width }, output, epilogue, dtype, weightsPerImage = false } = g;
  const clipped = leaves(y, height) || leaves(x, width);
  const input = operand(0, "input", inType, dtype), weights = operand(1, "weights", outType, dtype);
  return {
    declarations: `${enableDtype(dtype)}${input.declaration}
${weights.declaration}
${epilogueDeclarations(epilogue, 2, sumType, dtype)}`,
    /** Can any tap of any pixel fall outside the input? */
    clipped,
    /** The weight slice, as an i32 expression of the loop variables `ty` and `tx` over taps. */
    slice: weightsPerImage
      ? "i32(span)"
      : `(${y.sliceStart} + ty * ${y.sliceStep}) * ${axesOf(g.kernel)[1]} + ${x.sliceStart} + tx * ${x.sliceStep}`,
    /**
     * Output pixels in tiles of `rows`: all in one row, or, where each image has weights of its own, image by image, so
     * that no tile holds pixels of two. `locate` is WGSL from a tile's index to `span` (the image), `first` and `end`:
     * the tile holds the pixels first ... min(first + rows, end) - 1.
     */
    tilesOf(rows: number) {
      const spans = weightsPerImage ? g.batch : 1, size = g.batch * y.count * x.count / spans;
      const perSpan = ceilDiv(size, rows);
      return {
        tiles: spans * perSpan,
        locate: (tile: string) =>
          `  let span = (${tile}) / ${perSpan}u;
  let first = span * ${size}u + (${tile}) % ${perSpan}u * ${rows}u;
  let end = (span + 1u) * ${size}u;`,
      };
    },
    /** WGSL that finds the output row `i`, column `j` and image `n`, each followed by `suffix`, of a pixel's index. */
    locate: (pixel: string, suffix: number | string) =>
      `  let j${suffix} = i32(${pixel} % ${x.count}u);
  let i${suffix} = i32((${pixel} / ${x.count}u) % ${y.count}u);
  let n${suffix} = i32(${pixel} / ${x.count * y.count}u);`,
    /** Where the located pixel lies in an array [pixels of the output, `columns`], a u32 expression. */
    outputAt(suffix: number | string, columns: number) {
      const row = `(n${suffix} * ${output.height} + i${suffix} * ${y.outStep} + ${y.outStart}) * ${output.width}`;
      return `u32(${row} + j${suffix} * ${x.outStep} + ${x.outStart}) * ${columns}u`;
    },
    /**
     * WGSL that finds what the tap (`ty`, `tx`) of the located pixel reads: `inside`, and `at`, its index in an array
     * [pixels of the input, `columns`]. Outside, `at` is 0: a valid address of what must not be used.
     */
    tap(suffix: number | string, columns: number) {
      const row = `r${suffix}`, column = `c${suffix}`, inside = `inside${suffix}`;
      const test = `${row} >= 0 && ${row} < ${height} && ${column} >= 0 && ${column} < ${width}`;
      const pixel = `(n${suffix} * ${height} + ${row}) * ${width} + ${column}`;
      return `      let ${row} = ${inputAt(y, `i${suffix}`, "ty")};
      let ${column} = ${inputAt(x, `j${suffix}`, "tx")};
${clipped ? `      let ${inside} = ${test};\n` : ""}\
      let at${suffix} = u32(${clipped ? `select(0, ${pixel}, ${inside})` : pixel}) * ${columns}u;`;
    },
    /** Element `k` of the input pixel that `tap` found, under the names it gave: 0 outside the input. */
    pixel: (at: string, inside: string, k: string, ...tests: readonly string[]) =>
      input.load(`${at} + ${k}`, ...(clipped ? [inside] : []), ...tests),
    weight: weights.load,
    bias: (index: string) => epilogue.bias ? `bias[${index}]` : `${sumType}()`,
    /** Statement: finishes and stores a sum. */
    store: (to: string, sum: string, b: string) =>
      `output[${to}] = ${stored(`finish(${sum}, ${b}, ${to})`, sumType, dtype)};`,
  };
}
