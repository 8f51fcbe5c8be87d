import { clipFactor, NORM_SHARES, scaleGradients, squareSums } from "../../kernels/train/clip_norm.ts";
import type { Arena } from "./arena.ts";
import { type Op, op } from "./op.ts";
import { elements, type Tensor, tensor } from "./tensor.ts";

/**
 * The ops that clip gradients, in place, to a norm over all parameters (kernels/train/clip_norm.ts). Where they are multiplied
 * by a loss scale, the norm is that of the gradients themselves.
 */
export function clipNormOps({ windows }: Arena, clipNorm: number, lossScale: Tensor | null): Op[] {
  const count = NORM_SHARES * windows.length;
  const sums = tensor("norm/sums", [count]), factor = tensor("norm/factor", [1]);
  const scaled = lossScale === null ? {} : { scaled: true } as const;
  return [
    ...windows.map((window, index) =>
      op(squareSums, { count: elements(window.shape) }, {
        label: `norm/${index}`,
        reads: [window],
        writes: [{ ...sums, offset: 4 * NORM_SHARES * index, shape: [NORM_SHARES] }],
      })
    ),
    op(clipFactor, { count, clipNorm, ...scaled }, {
      label: "norm",
      reads: lossScale === null ? [sums] : [sums, lossScale],
      writes: [factor],
    }),
    ...windows.map((window, index) =>
      op(scaleGradients, { count: elements(window.shape) }, {
        label: `clip/${index}`,
        reads: [factor],
        writes: [window],
      })
    ),
  ];
}
