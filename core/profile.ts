/** Times work on the device, in compute passes between two timestamps, or on the host where there are no timestamps. */
import type { Context } from "./device.ts";
import type { Dispatch, Plan } from "./plan.ts";

/** When a compute pass ran, in seconds; `start` counts from the start of the first pass of its list. */
export interface Timed {
  readonly start: number;
  readonly seconds: number;
}

/** A query set holds at most 4096 timestamps: two per pass. */
const MAX_PASSES = 2048;

/**
 * Runs each list of dispatches as a compute pass of its own, all in one submission, and says when each ran, by the
 * device's clock. Where there are no timestamps, each pass is a submission of its own, timed on the host: that adds
 * some 0.1 ms each. Throws if there are more than 2048 passes.
 */
export async function timePasses(context: Context, passes: readonly (readonly Dispatch[])[]): Promise<Timed[]> {
  if (passes.length > MAX_PASSES) {
    throw new Error(`${passes.length} passes, at most ${MAX_PASSES} can be timed at once`);
  }
  return await (context.timestamps ? timeOnDevice : timeOnHost)(context, passes);
}

async function timeOnDevice({ device }: Context, passes: readonly (readonly Dispatch[])[]): Promise<Timed[]> {
  const count = 2 * passes.length, size = 8 * count;
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const resolved = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  passes.forEach((dispatches, index) => {
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * index, endOfPassWriteIndex: 2 * index + 1 };
    encodePass(encoder, dispatches, { timestampWrites });
  });
  encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const times = new BigUint64Array(staging.getMappedRange().slice(0));
  staging.unmap();
  for (const each of [querySet, resolved, staging]) each.destroy();
  const since = (from: number, to: number) => Number(BigInt.asIntN(64, times[to]! - times[from]!)) / 1e9;
  // WebGPU lets a device's clock start again at any time: that shows as a negative difference.
  return passes.map((_, index) => ({
    start: Math.max(0, since(0, 2 * index)),
    seconds: Math.max(0, since(2 * index, 2 * index + 1)),
  }));
}

async function timeOnHost({ device }: Context, passes: readonly (readonly Dispatch[])[]): Promise<Timed[]> {
  await device.queue.onSubmittedWorkDone();
  const timed: Timed[] = [], origin = performance.now();
  for (const dispatches of passes) {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    encodePass(encoder, dispatches, {});
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    timed.push({ start: (start - origin) / 1000, seconds: (performance.now() - start) / 1000 });
  }
  return timed;
}

/** Encodes dispatches, in order, as one compute pass. */
export function encodePass(
  encoder: GPUCommandEncoder,
  dispatches: readonly Dispatch[],
  descriptor: GPUComputePassDescriptor,
): void {
  const pass = encoder.beginComputePass(descriptor);
  let last: Dispatch | null = null;
  for (const dispatch of dispatches) {
    if (dispatch !== last) {
      pass.setPipeline(dispatch.pipeline);
      pass.setBindGroup(0, dispatch.bindGroup);
      last = dispatch;
    }
    pass.dispatchWorkgroups(...dispatch.workgroups);
  }
  pass.end();
}

export interface Sampling {
  /** How many samples to take, after a warm-up. */
  readonly samples: number;
  /** The dispatches are repeated until a sample takes this long: timestamps may be coarse. */
  readonly minimumSeconds: number;
}

/** A submission and its completion cost the host some 0.1 ms, which must not count. */
const HOST_MINIMUM_SECONDS = 0.01;
/** Most work in one submission, unless one sample takes longer: systems kill submissions that run for seconds. */
const SUBMISSION_SECONDS = 0.2;
/** Repetitions of one sample: encoding them must stay cheap. */
const MAX_REPETITIONS = 4096;

/** Repetitions that make a sample last `minimumSeconds`, if one repetition takes `seconds`; a power of two. */
export function repetitionsFor(seconds: number, minimumSeconds: number): number {
  const wanted = seconds > 0 ? minimumSeconds / seconds : MAX_REPETITIONS;
  return Math.min(MAX_REPETITIONS, 2 ** Math.max(0, Math.ceil(Math.log2(wanted))));
}

/**
 * Runs `dispatches`, in order, again and again: samples of the seconds that one repetition takes, in the order taken.
 * Slow dispatches run `samples + 1` times in all. The dispatches see their own results, so those that update in place
 * should do so without drifting off to subnormal numbers, which CPUs multiply slowly.
 */
export async function timeDispatches(
  context: Context,
  dispatches: readonly Dispatch[],
  { samples, minimumSeconds }: Sampling,
): Promise<number[]> {
  const minimum = context.timestamps ? minimumSeconds : Math.max(minimumSeconds, HOST_MINIMUM_SECONDS);
  // The first pass warms up; in the same submission, since a device that idles between the two slows down again.
  let [, { seconds }] = await timePasses(context, [dispatches, dispatches]) as [Timed, Timed];
  let repetitions = 1;
  while (seconds < minimum && repetitions < MAX_REPETITIONS) {
    // At most 64 times more: a first measurement as short as a tick of the clock says little.
    const next = Math.min(repetitionsFor(seconds / repetitions, minimum), 64 * repetitions);
    repetitions = Math.max(next, 2 * repetitions);
    [{ seconds }] = await timePasses(context, [repeated(dispatches, repetitions)]) as [Timed];
  }
  const measured = [seconds], pass = repeated(dispatches, repetitions);
  while (measured.length < samples) {
    const count = Math.min(samples - measured.length, Math.max(1, Math.floor(SUBMISSION_SECONDS / seconds)));
    const timed = await timePasses(context, Array.from({ length: count }, () => pass));
    measured.push(...timed.map((each) => each.seconds));
  }
  return measured.map((each) => each / repetitions);
}

const repeated = (dispatches: readonly Dispatch[], repetitions: number): readonly Dispatch[] =>
  Array.from({ length: repetitions }, () => dispatches).flat();

/** Median seconds on the device of each op of a plan, by label, in order. Throws where there are no timestamps. */
export async function timeOps(context: Context, plan: Plan, repeats: number): Promise<Map<string, number>> {
  if (!context.timestamps) throw new Error("This device has no timestamp queries");
  const labels = [...new Set(plan.dispatches.map(({ label }) => label))];
  const passes = labels.map((label) => plan.dispatches.filter((each) => each.label === label));
  const runs: Timed[][] = [];
  for (let index = 0; index <= repeats; index++) runs.push(await timePasses(context, passes));
  const measured = runs.slice(1); // the first warms up
  return new Map(labels.map((label, index) => [label, median(measured.map((run) => run[index]!.seconds))]));
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
