/**
 * How long a tuning is likely to take: the order in which the tuner tries candidates, and the choice where nothing was
 * measured. Each family says its own rates, of two kinds of device; only their proportions matter. CPU: measured on
 * llvmpipe (Mesa 25.0.7, two cores). GPU: what bounds the inner loop, 20 operations per byte. `npm run isa` counts what a
 * compiler makes of it.
 */
import type { Limits } from "../kernel.ts";
import { ceilDiv } from "../wgsl.ts";

/** `count` products of [rows, inner] by [inner, columns] matrices. */
export interface ProductShape {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
}

/** Rows and columns of the output that a workgroup makes, and how many elements of them a thread. */
export interface TileShape {
  readonly rows: number;
  readonly columns: number;
  readonly perThread: number;
}

/** What a thread does in a stretch of its inner loop. */
export interface InnerLoop {
  /** Multiply-adds. */
  readonly products: number;
  /** Bytes that it reads from workgroup memory, or from the cache where it stages nothing. */
  readonly bytes: number;
  /** Further vector instructions. */
  readonly others: number;
}

/** The share of a GPU's peak that the best tiles reach. */
export const BEST_SHARE = 0.65;

/**
 * The share of a GPU's peak that a loop reaches: arithmetic and loads run side by side, the slower counts. A
 * multiprocessor of NVIDIA's multiplies 128 times in a cycle and reads 128 bytes; AMD's read twice as many for each
 * product (bench/isa/gpus.ts).
 */
export const shareOfLoop = ({ products, bytes, others }: InnerLoop): number =>
  BEST_SHARE / Math.max(1 + others / products, bytes / products);

/** Floating point operations per second at a share of a GPU's peak. */
export const gpuRate = (share: number): number => 2e13 * share;

/** Schedulers of a large GPU, each of which issues for one warp of 32 threads at a time: 132 multiprocessors of four. */
const SCHEDULERS = 132 * 4;
/** Sums that the warps of a scheduler hold, for each lane, so that one goes on while others wait for their operands. */
const SUMS = 64;

/** The share of a GPU that is busy: schedulers with a warp, lanes of the last warp, and warps that wait. */
function busyShare(groups: number, threads: number, perThread: number): number {
  const warps = ceilDiv(threads, 32), each = groups * warps / SCHEDULERS;
  return Math.min(1, each) * Math.min(1, Math.max(1, each) * perThread / SUMS) * threads / (32 * warps);
}

/** Seconds of matrix products at `rate` floating point operations per second, padding of the tiles included. */
export function tileSeconds(shape: ProductShape, tile: TileShape, rate: number, limits: Limits): number {
  const groups = shape.count * ceilDiv(shape.rows, tile.rows) * ceilDiv(shape.columns, tile.columns);
  const flops = 2 * groups * tile.rows * tile.columns * shape.inner;
  const threads = tile.rows * tile.columns / tile.perThread;
  const busy = limits.software ? 1 : busyShare(groups, threads, tile.perThread);
  return flops / (rate * busy) + dispatchSeconds(limits);
}

/** On llvmpipe a weight gradient takes so many times as long as a product of pixels of its size: it locates each pixel. */
const GRADIENT_ON_CPU = 1.5;

/** The estimate of a weight gradient, from that of a product of its size. */
export const gradientSeconds = (seconds: number, { software }: Limits): number =>
  software ? GRADIENT_ON_CPU * seconds : seconds;

/** Seconds to read and write `elements` numbers of four bytes in all, one thread each. */
export function copySeconds(elements: number, limits: Limits): number {
  return 4 * elements / (limits.software ? 5e9 : 1e12) + dispatchSeconds(limits);
}

/** What each dispatch costs beside its work: on a CPU mostly its shader's compilation, spread over a few 1000 steps. */
const dispatchSeconds = ({ software }: Limits) => software ? 2e-4 : 3e-6;

/** Sorted by estimate, the shortest first. */
export function byEstimate<Tuning>(tunings: readonly Tuning[], seconds: (tuning: Tuning) => number): Tuning[] {
  return tunings.map((tuning) => ({ tuning, seconds: seconds(tuning) })).sort((a, b) => a.seconds - b.seconds)
    .map(({ tuning }) => tuning);
}
