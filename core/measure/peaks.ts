/** What a device can do at best, measured: the two lines of its roofline. */
import { FIXED } from "../../kernels/kernel.ts";
import { FMA_STARTS, FMA_THREADS, peakFma } from "../../kernels/measure/peak_fma.ts";
import { peakCopy } from "../../kernels/measure/peak_copy.ts";
import type { Context } from "../device/device.ts";
import { type Op, op } from "../graph/op.ts";
import { type Buffers, compile } from "../device/plan.ts";
import { timeDispatches } from "./profile.ts";
import { tensor } from "../graph/tensor.ts";
import { writeTensor } from "../device/transfer.ts";

export interface Peaks {
  /** Float32 operations per second of multiply-adds in registers, each of which counts as two. */
  readonly flopsPerSecond: number;
  /** Bytes per second of a copy in device memory, read and written bytes both counted. */
  readonly bytesPerSecond: number;
}

/**
 * The roofline: the seconds below which an op cannot go on a device with these peaks, and what keeps it there. Two
 * things do undercut it: operands that stay in caches, and algorithms that need fewer operations than the definition,
 * which `Kernel.cost` counts.
 */
export function roofline(
  { flops, bytes }: { readonly flops: number; readonly bytes: number },
  { flopsPerSecond, bytesPerSecond }: Peaks,
): { readonly seconds: number; readonly bound: "compute" | "memory" } {
  const compute = flops / flopsPerSecond, memory = bytes / bytesPerSecond;
  return compute > memory ? { seconds: compute, bound: "compute" } : { seconds: memory, bound: "memory" };
}

const measured = new WeakMap<object, Promise<Peaks>>();

/**
 * Measures a device's peaks, once per process: the best of several runs, each of some milliseconds, since everything
 * that disturbs a run makes it slower. Needs up to 256 MiB of device memory while it runs. Throws `UserError` where
 * there is no such memory.
 */
export function measurePeaks(context: Context): Promise<Peaks> {
  let peaks = measured.get(context.device);
  if (peaks === undefined) measured.set(context.device, peaks = measure(context));
  return peaks;
}

async function measure(context: Context): Promise<Peaks> {
  const flopsPerSecond = await measureFlops(context), bytesPerSecond = await measureBytes(context);
  context.check();
  return { flopsPerSecond, bytesPerSecond };
}

/** Iterations of the multiply-add loop, whose start-up is negligible then. */
const ITERATIONS = 256;
const FIRST_WORKGROUPS = 16;
/** As many outputs as the smallest limit of a binding holds, 128 MiB. */
const MAX_WORKGROUPS = 2 ** 17;
/** A dispatch of this length hides its start and end, and the resolution of any clock. */
const FMA_SECONDS = 0.005;

async function measureFlops(context: Context): Promise<number> {
  const factors = tensor("factors", [2], { lifetime: "persistent" });
  const start = tensor("start", [FMA_STARTS], { lifetime: "persistent" });
  const buffers: Buffers = new Map();
  // The chains settle at b / (1 - a) = 2: neither subnormal nor infinite.
  await writeTensor(context, buffers, factors, Float32Array.of(0.5, 1));
  await writeTensor(context, buffers, start, Float32Array.from({ length: FMA_STARTS }, (_, i) => i / FMA_STARTS));
  const runFor = (workgroups: number, samples: (seconds: number) => number) => {
    const writes = [tensor("y", [FMA_THREADS * workgroups])], problem = { workgroups, iterations: ITERATIONS };
    return bestSeconds(
      context,
      op(peakFma, problem, { label: "peak_fma", reads: [factors, start], writes }),
      FIXED[0],
      buffers,
      samples,
    );
  };
  // Enough workgroups to fill any device, and few enough for a slow one: grown until they take long enough.
  let workgroups = FIRST_WORKGROUPS, seconds = await runFor(workgroups, () => 0);
  while (seconds < FMA_SECONDS && workgroups < MAX_WORKGROUPS) {
    const factor = Math.min(64, Math.max(2, Math.ceil(1.25 * FMA_SECONDS / seconds)));
    workgroups = Math.min(MAX_WORKGROUPS, factor * workgroups);
    seconds = await runFor(workgroups, () => 0);
  }
  const shortest = Math.min(seconds, await runFor(workgroups, samplesIn));
  buffers.forEach((buffer) => buffer.destroy());
  return peakFma.cost({ workgroups, iterations: ITERATIONS }).flops / shortest;
}

/** Bytes of each of the two buffers: more than the caches of a GPU; on a CPU, what it copies in some 10 ms. */
const copyBytes = ({ limits }: Context) => Math.min(2 ** (limits.software ? 24 : 27), limits.bindingBytes);

async function measureBytes(context: Context): Promise<number> {
  const vectors = Math.floor(copyBytes(context) / 2 ** 16) * 2 ** 12, problem = { vectors };
  const reads = [tensor("x", [4 * vectors])], writes = [tensor("y", [4 * vectors])];
  let shortest = Infinity;
  for (const tuning of peakCopy.tunings(problem, context.limits)) {
    const copy = op(peakCopy, problem, { label: "peak_copy", reads, writes });
    shortest = Math.min(shortest, await bestSeconds(context, copy, tuning, new Map(), samplesIn));
  }
  return peakCopy.cost(problem).bytes / shortest;
}

/** What one peak's samples may take in all. */
const BUDGET_SECONDS = 0.25;
/** From 2 to 30, such that all take about that. */
const samplesIn = (seconds: number) => Math.max(2, Math.min(30, Math.floor(BUDGET_SECONDS / seconds)));

/** Least seconds that an op takes: of one sample, and of as many more as `samples` says, given what that one took. */
async function bestSeconds(
  context: Context,
  measuredOp: Op,
  tuning: unknown,
  buffers: Buffers,
  samples: (seconds: number) => number,
): Promise<number> {
  const tuner = { choose: () => Promise.resolve(tuning) };
  const plan = await compile(context, { ops: [measuredOp], keep: [] }, tuner, buffers);
  const time = (samples: number) => timeDispatches(context, plan.dispatches, { samples, minimumSeconds: 0.001 });
  try {
    const [first] = await time(1) as [number];
    const more = samples(first);
    return Math.min(first, ...more === 0 ? [] : await time(more));
  } finally {
    plan.destroy();
  }
}
