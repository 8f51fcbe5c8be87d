/**
 * The shape of a convolution, shared by its three kernels. With s = stride and p = padding, which each axis has its own of:
 *
 *   y[n,oy,ox,co]  = sum over ky,kx,ci of x[n, oy*s + ky - p, ox*s + kx - p, ci] * w[ky,kx,ci,co]
 *   dx[n,h,w,ci]   = sum over ky,kx,co of dy[n, (h + p - ky)/s, (w + p - kx)/s, co] * w[ky,kx,ci,co], where s divides
 *   dw[ky,kx,ci,co] = sum over n,oy,ox of x[n, oy*s + ky - p, ox*s + kx - p, ci] * dy[n,oy,ox,co]
 *
 * Outside the image, x and dy are 0.
 */
import { elementBytes, type FloatType } from "../dtype.ts";
import type { Cost } from "../kernel.ts";
import { axesOf, type PerAxis } from "../per_axis.ts";

/** The shape of a convolution: all in elements. */
export interface ConvProblem {
  /** Images. */
  readonly batch: number;
  /** Rows of x. */
  readonly height: number;
  /** Columns of x. */
  readonly width: number;
  /** Channels of x. */
  readonly inChannels: number;
  /** Rows of y. */
  readonly outHeight: number;
  /** Columns of y. */
  readonly outWidth: number;
  /** Channels of y. */
  readonly outChannels: number;
  /** Height and width of the kernel: a number, or where they differ both. */
  readonly kernel: PerAxis;
  /** Rows and columns from one output to the next: a number, or where they differ both. */
  readonly stride: PerAxis;
  /** Zeros before the first row and column; those after follow from the output size. */
  readonly padding: PerAxis;
  /** Of x, w, y and their gradients. Bias, dw and db are f32, and so are all sums. */
  readonly dtype?: FloatType;
}

/** Places of the kernel. */
export function tapsOf({ kernel }: Pick<ConvProblem, "kernel">): number {
  const [rows, columns] = axesOf(kernel);
  return rows * columns;
}

/** Winograd's products per output with tiles of 4x4: 36 for 16 outputs, instead of 9 for each (winograd.ts). */
const WINOGRAD_SHARE = 36 / (16 * 9);

/** Direct floating point operations (a multiplication and an addition per product) and operand bytes, each once. */
export function convCost(p: ConvProblem): Cost {
  const x = p.batch * p.height * p.width * p.inChannels;
  const y = p.batch * p.outHeight * p.outWidth * p.outChannels;
  const w = tapsOf(p) * p.inChannels * p.outChannels;
  const flops = 2 * y * tapsOf(p) * p.inChannels, bytes = elementBytes(p.dtype) * (x + y + w);
  return p.kernel === 3 && p.stride === 1 ? { flops, bytes, leastFlops: WINOGRAD_SHARE * flops } : { flops, bytes };
}

/** Is it a plain matrix product, each output of the input pixel at its place: 1x1, stride 1, no zeros on any side? */
export const isPlainProduct = ({ kernel, stride, padding, ...p }: ConvProblem): boolean =>
  kernel === 1 && stride === 1 && padding === 0 && p.outHeight === p.height && p.outWidth === p.width;

/** The same products with all pixels in one row, where that is possible: tiles need not stop at the end of an image. */
export function flattened<P extends ConvProblem>(p: P): P {
  if (!isPlainProduct(p)) return p;
  const pixels = p.batch * p.height * p.width;
  return { ...p, batch: 1, height: 1, width: pixels, outHeight: 1, outWidth: pixels };
}
