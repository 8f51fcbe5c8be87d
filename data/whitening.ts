/**
 * ZCA whitening, fitted and applied on the GPU: x <- (x - mean) P with P = (C + epsilon I)^(-1/2), C the covariance of
 * the training images (paper.md 3.1; pylearn2). Every product is a 1x1 convolution kernel, so it is tuned as they are.
 *
 * The inverse square root comes from the coupled Newton-Schulz iteration (Higham, Functions of Matrices, 2008, 6.7):
 * with A = C + epsilon I scaled into (0, 1], Y -> A^(1/2) and Z -> A^(-1/2) by T = (3 I - Z Y) / 2, Y <- Y T, Z <- T Z.
 * Each step is scaled by Chen and Chow's rho (A stable scaling of Newton-Schulz, 2014), which lifts the smallest
 * singular values fastest. T is symmetrized, and only T: the order of the factors is what keeps the coupling stable in
 * float32, so products must not silently transpose (measured on CIFAR-10: residual 2e-5 this way, 9 with either
 * transposed factors or all three iterates symmetrized).
 */
import { convBackwardWeight } from "../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../kernels/conv/conv_forward.ts";
import { symmetrize } from "../kernels/data/symmetrize.ts";
import type { Context } from "../core/device/device.ts";
import { type Op, op } from "../core/graph/op.ts";
import { type Buffers, compile, run } from "../core/device/plan.ts";
import { type Shape, type Tensor, tensor } from "../core/graph/tensor.ts";
import { readTensor, writeTensor } from "../core/device/transfer.ts";
import { defaultTuner } from "../core/graph/tuner.ts";

/** What ZCA whitening does to an image: x <- (x - mean) P. */
export interface Whitening {
  /** [size] */
  readonly mean: Float32Array<ArrayBuffer>;
  /** P, [size, size], symmetric. */
  readonly matrix: Float32Array<ArrayBuffer>;
}

/** Called with the share of the work that is done, 0 to 1. */
export type Progress = (done: number) => void;

/** A 1x1 convolution of [rows, side] by [side, side]. */
function matrixProblem([rows, side]: Shape) {
  const image = { batch: rows!, height: 1, width: 1, outHeight: 1, outWidth: 1 };
  return { ...image, inChannels: side!, outChannels: side!, kernel: 1, stride: 1, padding: 0 };
}

/** c = a b: a 1x1 convolution. */
function product(label: string, a: Tensor, b: Tensor, c: Tensor): Op {
  const problem = { ...matrixProblem(a.shape), bias: false, slope: null };
  return op(convForward, problem, { label, reads: [a, b], writes: [c] });
}

/** Runs ops once on persistent tensors. */
async function execute(context: Context, buffers: Buffers, ops: readonly Op[]): Promise<void> {
  const plan = await compile(context, { ops, keep: [] }, defaultTuner(context.limits), buffers);
  run(context, plan);
  await context.device.queue.onSubmittedWorkDone();
  plan.destroy();
  context.check();
}

/** The mean of each of `size` columns. */
function columnMeans(images: Float32Array, size: number): Float64Array {
  const sums = new Float64Array(size);
  for (let start = 0; start < images.length; start += size) {
    for (let i = 0; i < size; i++) sums[i]! += images[start + i]!;
  }
  return sums.map((sum) => sum / (images.length / size));
}

/** A copy of rows `from` ... `to - 1`, minus the mean. */
function centredRows(images: Float32Array, mean: ArrayLike<number>, from: number, to: number) {
  const size = mean.length, rows = images.slice(from * size, to * size);
  for (let start = 0; start < rows.length; start += size) {
    for (let i = 0; i < size; i++) rows[start + i]! -= mean[i]!;
  }
  return rows;
}

/** Images per dispatch: a sixth of a binding, so that progress shows and no dispatch takes seconds on a GPU. */
export function rowsAtOnce({ limits }: Context, size: number): number {
  return Math.max(1, Math.floor(limits.bindingBytes / (4 * size) / 6));
}

/** The largest eigenvalue of a symmetric matrix, by power iteration in float64; a lower bound within about 1e-3. */
export function largestEigenvalue(matrix: Float64Array, side: number): number {
  let v = Float64Array.from({ length: side }, (_, i) => 1 + (i % 7) / 7), norm = 0;
  for (let iteration = 0; iteration < 60; iteration++) {
    const next = new Float64Array(side);
    for (let row = 0; row < side; row++) {
      const factor = v[row]!; // symmetric: add rows instead of dotting them, both are contiguous
      for (let column = 0; column < side; column++) next[column]! += factor * matrix[row * side + column]!;
    }
    norm = Math.sqrt(next.reduce((sum, value) => sum + value * value, 0));
    v = next.map((value) => value / norm);
  }
  return norm;
}

/** Chen and Chow cap rho, so that the largest singular value is not sent to 0. */
const MAX_RHO = 1.6977;

/**
 * The scaling of each step for singular values in [low, 1]: a step takes s to rho s (3 - (rho s)^2) / 2. Once all are
 * within 1e-4 of 1, two plain steps reach single precision.
 */
export function scalings(low: number): number[] {
  if (1 - low < 1e-4) return [1, 1];
  const rho = Math.min(MAX_RHO, Math.sqrt(3 / (1 + low + low * low)));
  const after = (s: number) => rho * s * (3 - (rho * s) ** 2) / 2;
  return [rho, ...scalings(Math.min(after(low), after(1)))];
}

async function covariance(context: Context, images: Float32Array, mean: Float64Array, progress: Progress) {
  const size = mean.length, count = images.length / size, atOnce = rowsAtOnce(context, size);
  const sums = new Float64Array(size * size), buffers: Buffers = new Map();
  for (let from = 0; from < count; from += atOnce) {
    const rows = Math.min(atOnce, count - from);
    const x = tensor("images", [rows, size], { lifetime: "persistent" });
    const c = tensor("covariance", [size, size], { lifetime: "persistent" });
    await writeTensor(context, buffers, x, centredRows(images, mean, from, from + rows));
    await execute(context, buffers, [
      op(convBackwardWeight, { ...matrixProblem(x.shape), bias: false }, {
        label: "covariance",
        reads: [x, x],
        writes: [c],
      }),
    ]);
    const part = await readTensor(context, buffers, c);
    for (let i = 0; i < sums.length; i++) sums[i]! += part[i]!;
    buffers.forEach((buffer) => buffer.destroy());
    buffers.clear();
    progress((from + rows) / count);
  }
  return sums.map((sum) => sum / count);
}

/** (matrix + epsilon I)^(-1/2) for a symmetric positive semidefinite matrix [side, side]. */
export async function inverseSquareRoot(
  context: Context,
  matrix: Float64Array,
  side: number,
  epsilon: number,
  progress: Progress = () => {},
): Promise<Float32Array<ArrayBuffer>> {
  // The power iteration approaches from below; 1 % more keeps every eigenvalue of the scaled matrix under 1.
  const largest = 1.01 * largestEigenvalue(matrix, side) + epsilon;
  const named = (label: string) => tensor(label, [side, side], { lifetime: "persistent" });
  let [y, z, nextY, nextZ] = [named("y"), named("z"), named("nextY"), named("nextZ")];
  const t = named("t"), raw = named("raw"), buffers: Buffers = new Map();
  await writeTensor(context, buffers, raw, Float32Array.from(matrix));
  const symmetrized = (label: string, x: Tensor, to: Tensor, scale: number, diagonal: number) =>
    op(symmetrize, { side, scale, diagonal }, { label, reads: [x], writes: [to] });
  await execute(context, buffers, [
    symmetrized("start/y", raw, y, 1 / largest, epsilon / largest),
    symmetrized("start/z", raw, z, 0, 1),
  ]);
  const plan = scalings(Math.sqrt(epsilon / largest));
  for (const [step, rho] of plan.entries()) {
    await execute(context, buffers, [
      product("zy", z, y, raw),
      symmetrized("t", raw, t, -(rho ** 3) / 2, 1.5 * rho),
      product("yt", y, t, nextY),
      product("tz", t, z, nextZ),
    ]);
    [y, nextY, z, nextZ] = [nextY, y, nextZ, z];
    progress((step + 1) / plan.length);
  }
  await execute(context, buffers, [symmetrized("end", z, raw, 1 / Math.sqrt(largest), 0)]);
  const result = await readTensor(context, buffers, raw);
  buffers.forEach((buffer) => buffer.destroy());
  return result;
}

/** Mean and P of images that lie one after the other, `size` values each. */
export async function fitWhitening(
  context: Context,
  images: Float32Array,
  size: number,
  epsilon: number,
  progress: Progress = () => {},
): Promise<Whitening> {
  const mean = columnMeans(images, size);
  const c = await covariance(context, images, mean, (done) => progress(0.4 * done));
  const matrix = await inverseSquareRoot(context, c, size, epsilon, (done) => progress(0.4 + 0.6 * done));
  return { mean: Float32Array.from(mean), matrix };
}
