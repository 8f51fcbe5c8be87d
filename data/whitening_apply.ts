import { convForward } from "../kernels/conv/conv_forward.ts";
import type { Context } from "../core/device/device.ts";
import { op } from "../core/graph/op.ts";
import { type Buffers, compile } from "../core/device/plan.ts";
import { runAndRead } from "../core/device/run_plans.ts";
import { tensor } from "../core/graph/tensor.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { defaultTuner } from "../core/graph/tuner.ts";
import { type Progress, rowsAtOnce, type Whitening } from "./whitening.ts";

/** rows P + bias, of exactly as many rows as it was compiled for. */
type Product = (rows: Float32Array<ArrayBuffer>) => Promise<Float32Array<ArrayBuffer>>;

/** Runs `body` with the product of `rows` rows by a whitening's matrix, and frees it. */
export async function withProduct<T>(
  context: Context,
  { matrix, mean: { length: size } }: Whitening,
  rows: number,
  bias: Float32Array<ArrayBuffer>,
  body: (product: Product) => Promise<T>,
): Promise<T> {
  const persistent = { lifetime: "persistent" } as const, buffers: Buffers = new Map();
  const x = tensor("images", [rows, size], persistent), p = tensor("whitening", [size, size], persistent);
  const b = tensor("whitening/bias", [size], persistent), y = tensor("whitened", [rows, size], persistent);
  await writeTensor(context, buffers, p, matrix);
  await writeTensor(context, buffers, b, bias);
  const shape = { batch: rows, height: 1, width: 1, outHeight: 1, outWidth: 1, inChannels: size, outChannels: size };
  const problem = { ...shape, kernel: 1, stride: 1, padding: 0, bias: true, slope: null };
  const ops = [op(convForward, problem, { label: "whiten", reads: [x, p, b], writes: [y] })];
  const plan = await compile(context, { ops, keep: [] }, defaultTuner(context.limits), buffers);
  try {
    return await body(async (values) => {
      await writeTensor(context, buffers, x, values);
      return new Float32Array((await runAndRead(context, plan, [y]))[0]!);
    });
  } finally {
    plan.destroy();
    buffers.forEach((buffer) => buffer.destroy());
  }
}

/** x <- (x - mean) P for images that lie one after the other, in place. */
export async function whiten(
  context: Context,
  images: Float32Array<ArrayBuffer>,
  whitening: Whitening,
  progress: Progress = () => {},
): Promise<void> {
  const { mean, matrix } = whitening, size = mean.length;
  const count = images.length / size, atOnce = Math.min(count, rowsAtOnce(context, size));
  // (x - mean) P = x P + bias: the mean costs nothing on the GPU.
  const bias = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) bias[column]! -= mean[row]! * matrix[row * size + column]!;
  }
  await withProduct(context, whitening, atOnce, Float32Array.from(bias), async (product) => {
    for (let from = 0; from < count; from += atOnce) {
      const start = Math.min(from, count - atOnce) * size; // the last batch overlaps, see `begin`
      const begin = from * size - start;
      const whitened = await product(images.slice(start, start + atOnce * size));
      images.set(whitened.subarray(begin), start + begin);
      progress(Math.min(count, from + atOnce) / count);
    }
  });
}
