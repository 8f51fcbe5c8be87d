/**
 * How long a tuning is likely to take: the order in which the tuner tries candidates, and the choice where nothing was
 * measured. Rates of two kinds of device; only their proportions matter. CPU: measured on llvmpipe (Mesa 25.0.7, two
 * cores). GPU: the share of the peak that the literature reports for such tiles, 20 operations per byte.
 */
import type { ProductTuning } from "./families/gather_families.ts";
import type { Limits } from "../kernel.ts";
import { columnsOf, rowsOf, threadsOf as matrixThreads } from "./matrix/matrix_tile.ts";
import { ceilDiv } from "../wgsl.ts";

/** `count` products of [rows, inner] by [inner, columns] matrices. */
export interface ProductShape {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
}

/** Rows and columns of the output that a workgroup makes, and how many elements of them a thread. */
function tileOf(tuning: ProductTuning, columns: number): { rows: number; columns: number; perThread: number } {
  if (tuning.family === "tiled") {
    return { rows: tuning.rows, columns: tuning.columns, perThread: tuning.threadRows * 4 * tuning.threadVectors };
  }
  if (tuning.family === "matrix") {
    const rows = rowsOf(tuning), columns = columnsOf(tuning);
    return { rows, columns, perThread: rows * columns / matrixThreads(tuning) };
  }
  const width = columns % 4 === 0 ? 4 : 1;
  if (tuning.family === "direct") {
    const { rows, vectors, lanes, groups } = tuning;
    return { rows: rows * groups, columns: lanes * vectors * width, perThread: rows * vectors * width };
  }
  return { rows: tuning.rows, columns: 4 * tuning.lanes, perThread: 4 * tuning.rows };
}

/**
 * How much faster matrix units are than the best tile: the least of 2.5 to 3.6 times that llama.cpp's WGSL kernels show
 * (ggml-org/llama.cpp#22504). Not measured here.
 */
const MATRIX_GAIN = 2.5, BEST_TILE = 0.65;

/** Floating point operations per second of a family's inner loop. */
function flopsPerSecond(tuning: ProductTuning, perThread: number, { software }: Limits): number {
  if (tuning.family === "matrix") return software ? 1e8 : MATRIX_GAIN * BEST_TILE * 2e13; // emulated: for tests alone
  if (software) {
    // 64 rows are a little faster, but take three times as long to compile: no choice without measuring.
    if (tuning.family === "broadcast") return perThread === 128 ? 3.3e10 : perThread > 128 ? 3.2e10 : 2.5e10;
    return tuning.family === "direct" ? 9e9 + 1e7 * perThread : 1.5e9;
  }
  const share = perThread >= 64 ? BEST_TILE : perThread >= 32 ? 0.55 : 0.4;
  return 2e13 * (tuning.family === "tiled" ? share : tuning.family === "direct" ? share / 2 : 0.05);
}

/** Threads that fill a large GPU: 132 multiprocessors, four schedulers each, four warps of 32 to hide latency. */
const FULL = 132 * 4 * 4 * 32;

/** Threads of a workgroup, in whole warps. */
const threadsOf = (perGroup: number) => 32 * ceilDiv(perGroup, 32);

/** Seconds of matrix products, padding of the tiles included. */
export function productSeconds(shape: ProductShape, tuning: ProductTuning, limits: Limits): number {
  const tile = tileOf(tuning, shape.columns);
  const groups = shape.count * ceilDiv(shape.rows, tile.rows) * ceilDiv(shape.columns, tile.columns);
  const flops = 2 * groups * tile.rows * tile.columns * shape.inner;
  const threads = tile.rows * tile.columns / tile.perThread;
  const busy = limits.software ? 1 : Math.min(1, groups * threads / FULL) * threads / threadsOf(threads);
  return flops / (flopsPerSecond(tuning, tile.perThread, limits) * busy) + dispatchSeconds(limits);
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

/**
 * The same order, but for the first, which is the default: no tuning on matrix units, since those have not run on
 * hardware yet.
 */
export function provenFirst<Tuning extends { readonly family: string }>(sorted: readonly Tuning[]): Tuning[] {
  const first = sorted.find(({ family }) => family !== "matrix");
  return first === undefined ? [] : [first, ...sorted.filter((tuning) => tuning !== first)];
}
