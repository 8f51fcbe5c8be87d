/** Times work on the device, in compute passes between two timestamps, or on the host where there are no timestamps. */
import type { Context } from "../device/device.ts";
import type { Dispatch } from "../device/plan.ts";

/** When something happened, in seconds; `start` counts from when the host began to encode. */
export interface Timed {
  /** Seconds since the host began to encode. */
  readonly start: number;
  /** How long it took. */
  readonly seconds: number;
}

/** What the host did meanwhile. */
export interface HostPhase extends Timed {
  /** Encoding the commands, submitting them, or waiting for the device. */
  readonly name: "encode" | "submit" | "wait";
}

/** What happened when, on the device and on the host. */
export interface Timeline {
  /**
   * One per list of dispatches, by the device's clock. WebGPU relates that clock to no other, so the first pass is
   * put where the host's submission ends.
   */
  readonly passes: readonly Timed[];
  /** What the host did, in order. */
  readonly host: readonly HostPhase[];
}

/** A query set holds at most 4096 timestamps: two per pass. */
const MAX_PASSES = 2048;

/**
 * Runs each list of dispatches as a compute pass of its own, all in one submission, and says when each ran. Where
 * there are no timestamps, each pass is a submission of its own, timed on the host: that adds some 0.1 ms each. Throws
 * if there are more than 2048 passes.
 */
export async function timePasses(context: Context, passes: readonly (readonly Dispatch[])[]): Promise<Timeline> {
  if (passes.length > MAX_PASSES) {
    throw new Error(`${passes.length} passes, at most ${MAX_PASSES} can be timed at once`);
  }
  return await (context.timestamps ? timeOnDevice : timeOnHost)(context, passes);
}

async function timeOnDevice({ device }: Context, passes: readonly (readonly Dispatch[])[]): Promise<Timeline> {
  const count = 2 * passes.length, size = 8 * count, laps = [performance.now()];
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
  const commands = encoder.finish();
  laps.push(performance.now());
  device.queue.submit([commands]);
  laps.push(performance.now());
  await staging.mapAsync(GPUMapMode.READ);
  laps.push(performance.now());
  const times = new BigUint64Array(staging.getMappedRange().slice(0));
  staging.unmap();
  for (const each of [querySet, resolved, staging]) each.destroy();
  // WebGPU lets a device's clock start again at any time: that shows as a negative difference.
  const between = (from: number, to: number) => Math.max(0, Number(BigInt.asIntN(64, times[to]! - times[from]!)) / 1e9);
  const submitted = (laps[2]! - laps[0]!) / 1000;
  return {
    passes: passes.map((_, index) => ({
      start: submitted + between(0, 2 * index),
      seconds: between(2 * index, 2 * index + 1),
    })),
    host: hostPhases(laps, laps[0]!),
  };
}

/** Three phases from the four times, in milliseconds, that part them. */
function hostPhases(laps: readonly number[], origin: number): HostPhase[] {
  return (["encode", "submit", "wait"] as const).map((name, index) => ({
    name,
    start: (laps[index]! - origin) / 1000,
    seconds: (laps[index + 1]! - laps[index]!) / 1000,
  }));
}

async function timeOnHost({ device }: Context, lists: readonly (readonly Dispatch[])[]): Promise<Timeline> {
  await device.queue.onSubmittedWorkDone();
  const passes: Timed[] = [], host: HostPhase[] = [], origin = performance.now();
  for (const dispatches of lists) {
    const laps = [performance.now()], encoder = device.createCommandEncoder();
    encodePass(encoder, dispatches, {});
    const commands = encoder.finish();
    laps.push(performance.now());
    device.queue.submit([commands]);
    laps.push(performance.now());
    await device.queue.onSubmittedWorkDone();
    laps.push(performance.now());
    passes.push({ start: (laps[1]! - origin) / 1000, seconds: (laps[3]! - laps[1]!) / 1000 });
    host.push(...hostPhases(laps, origin));
  }
  return { passes, host };
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

/** How long to measure. */
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

/** The shortest sample worth taking: on the host, longer than its overhead. */
export function shortestSample({ timestamps }: Context, minimumSeconds: number): number {
  return timestamps ? minimumSeconds : Math.max(minimumSeconds, HOST_MINIMUM_SECONDS);
}

/** `dispatches`, in order, again and again. */
export function repeated(dispatches: readonly Dispatch[], repetitions: number): readonly Dispatch[] {
  return Array.from({ length: repetitions }, () => dispatches).flat();
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
  const minimum = shortestSample(context, minimumSeconds);
  // The first pass warms up; in the same submission, since a device that idles between the two slows down again.
  let seconds = (await timePasses(context, [dispatches, dispatches])).passes[1]!.seconds;
  let repetitions = 1;
  while (seconds < minimum && repetitions < MAX_REPETITIONS) {
    // At most 64 times more: a first measurement as short as a tick of the clock says little.
    const next = Math.min(repetitionsFor(seconds / repetitions, minimum), 64 * repetitions);
    repetitions = Math.max(next, 2 * repetitions);
    seconds = (await timePasses(context, [repeated(dispatches, repetitions)])).passes[0]!.seconds;
  }
  const measured = [seconds], pass = repeated(dispatches, repetitions);
  while (measured.length < samples) {
    const count = Math.min(samples - measured.length, Math.max(1, Math.floor(SUBMISSION_SECONDS / seconds)));
    const { passes } = await timePasses(context, Array.from({ length: count }, () => pass));
    measured.push(...passes.map((each) => each.seconds));
  }
  return measured.map((each) => each / repetitions);
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
