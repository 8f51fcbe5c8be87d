/** The three kernels of one convolution, named on the command line. */
import { UserError } from "../core/host/errors.ts";
import { type Op, op } from "../core/graph/op.ts";
import { tensor } from "../core/graph/tensor.ts";
import { convBackwardData } from "../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../kernels/conv/conv_forward.ts";

/** What `--conv` expects: batch, height, width, channels in and out, kernel size, stride, padding. */
export const CONV_SHAPE = "n,h,w,ci,co,k,s,p";

/**
 * The ops of a convolution with bias and ReLU, of its input's gradient and of its parameters' gradients. Throws
 * `UserError` where the text does not describe one.
 */
export function convOps(text: string): Op[] {
  const parts = text.split(","), numbers = parts.map(Number);
  if (parts.length !== 8 || !parts.every((part) => /^\d+$/.test(part.trim()))) {
    throw new UserError(`--conv expects 8 whole numbers ${CONV_SHAPE}, as 128,32,32,96,96,3,1,1, got "${text}"`);
  }
  const [batch, height, width, inChannels, outChannels, kernel, stride, padding] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (numbers.slice(0, 7).includes(0)) throw new UserError(`--conv expects positive numbers, got "${text}"`);
  if (padding >= kernel) {
    throw new UserError(`--conv expects a padding smaller than the kernel, got ${padding} and ${kernel}`);
  }
  const along = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const outHeight = along(height), outWidth = along(width);
  if (outHeight < 1 || outWidth < 1) {
    throw new UserError(
      `--conv expects an image as large as the kernel, got ${height}x${width} with padding ${padding} for ` +
        `${kernel}x${kernel}`,
    );
  }
  const problem = { batch, height, width, inChannels, outHeight, outWidth, outChannels, kernel, stride, padding };
  const x = tensor("x", [batch, height, width, inChannels]), dx = tensor("dx", x.shape);
  const y = tensor("y", [batch, outHeight, outWidth, outChannels]), dy = tensor("dy", y.shape);
  const w = tensor("w", [kernel, kernel, inChannels, outChannels]), dw = tensor("dw", w.shape);
  const b = tensor("b", [outChannels]), db = tensor("db", b.shape);
  return [
    op(convForward, { ...problem, bias: true, slope: 0 }, { label: "conv/forward", reads: [x, w, b], writes: [y] }),
    op(convBackwardData, problem, { label: "conv/dx", reads: [dy, w], writes: [dx] }),
    op(convBackwardWeight, { ...problem, bias: true }, { label: "conv/dw", reads: [x, dy], writes: [dw, db] }),
  ];
}
