import { clipFactor, NORM_SHARES, scaleGradients, squareSums } from "../../kernels/train/clip_norm.ts";
import { type Op, op } from "./op.ts";
import { elements, type Tensor, tensor } from "./tensor.ts";

/**
 * The ops that clip gradients, flat tensors, in place, to a norm over all of them (kernels/train/clip_norm.ts). Where they are multiplied
 * by a loss scale, the norm is that of the gradients themselves.
 */
export function clipNormOps(chunks: readonly Tensor[], clipNorm: number, lossScale: Tensor | null): Op[] {
  const count = NORM_SHARES * chunks.length;
  const sums = tensor("norm/sums", [count]), factor = tensor("norm/factor", [1]);
  const scaled = lossScale === null ? {} : { scaled: true } as const;
  return [
    ...chunks.map((chunk, index) =>
      op(squareSums, { count: elements(chunk.shape) }, {
        label: `norm/${index}`,
        reads: [chunk],
        writes: [{ ...sums, offset: 4 * NORM_SHARES * index, shape: [NORM_SHARES] }],
      })
    ),
    op(clipFactor, { count, clipNorm, ...scaled }, {
      label: "norm",
      reads: lossScale === null ? [sums] : [sums, lossScale],
      writes: [factor],
    }),
    ...chunks.map((chunk, index) =>
      op(scaleGradients, { count: elements(chunk.shape) }, {
        label: `clip/${index}`,
        reads: [factor],
        writes: [chunk],
      })
    ),
  ];
}
