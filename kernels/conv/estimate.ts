/**
 * How long a tuning is likely to take: the order in which the tuner tries candidates, and the choice where nothing was
 * measured. Each family says its own rates, of two kinds of device; only their proportions matter. CPU: measured on
 * llvmpipe (Mesa 25.0.7, two cores). GPU: the share of the peak that the literature reports for such tiles, 20
 * operations per byte.
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

/** The share of a GPU's peak that the best tiles reach, and what is left of it where a thread makes fewer elements. */
export const BEST_SHARE = 0.65;
export const shareOfPeak = (perThread: number): number => perThread >= 64 ? BEST_SHARE : perThread >= 32 ? 0.55 : 0.4;

/** Floating point operations per second at a share of a GPU's peak. */
export const gpuRate = (share: number): number => 2e13 * share;

/** Threads that fill a large GPU: 132 multiprocessors, four schedulers each, four warps of 32 to hide latency. */
const FULL = 132 * 4 * 4 * 32;

/** Threads of a workgroup, in whole warps. */
const threadsOf = (perGroup: number) => 32 * ceilDiv(perGroup, 32);

/** Seconds of matrix products at `rate` floating point operations per second, padding of the tiles included. */
export function tileSeconds(shape: ProductShape, tile: TileShape, rate: number, limits: Limits): number {
  const groups = shape.count * ceilDiv(shape.rows, tile.rows) * ceilDiv(shape.columns, tile.columns);
  const flops = 2 * groups * tile.rows * tile.columns * shape.inner;
  const threads = tile.rows * tile.columns / tile.perThread;
  const busy = limits.software ? 1 : Math.min(1, groups * threads / FULL) * threads / threadsOf(threads);
  return flops / (rate * busy) + dispatchSeconds(limits);
}

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
