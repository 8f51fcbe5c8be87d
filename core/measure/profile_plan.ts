/** Times every dispatch of a plan in place: a step runs as ever, but each dispatch in a pass of its own. */
import type { Workgroups } from "../../kernels/kernel.ts";
import type { Context } from "../device/device.ts";
import type { Dispatch, Plan } from "../device/plan.ts";
import {
  median,
  repeated,
  repetitionsFor,
  type Sampling,
  shortestSample,
  type Timeline,
  timePasses,
} from "./profile.ts";

/** How long one dispatch of a plan takes. */
export interface DispatchProfile {
  /** "conv2/dw", or "conv2/dw #2" where its op has several dispatches. */
  readonly name: string;
  /** The label of its op. */
  readonly op: string;
  /** How many workgroups run, in x, y and z. */
  readonly workgroups: Workgroups;
  /** Median seconds of one run. */
  readonly seconds: number;
  /** How often a sample repeats it, so that it lasts long enough for the clock. */
  readonly repetitions: number;
}

/** How long a plan takes, dispatch by dispatch and as a whole. */
export interface PlanProfile {
  /** In the order in which they run. */
  readonly dispatches: readonly DispatchProfile[];
  /** Median seconds of all dispatches in one pass, as training runs them. */
  readonly passSeconds: number;
  /** One run with each dispatch, once, in a pass of its own: passes in the order of `dispatches`. */
  readonly timeline: Timeline;
}

/**
 * Times each dispatch of a plan, and the plan as one pass. Short dispatches are repeated where they stand in the step:
 * their operands are then what they are in training, however memory is shared. The plan's values must survive its
 * being run again and again: parameters must not drift, so train with a learning rate of 0.
 */
export async function profilePlan(
  context: Context,
  { dispatches }: Pick<Plan, "dispatches">,
  { samples, minimumSeconds }: Sampling,
): Promise<PlanProfile> {
  const once = dispatches.map((each) => [each]), minimum = shortestSample(context, minimumSeconds);
  await timePasses(context, once); // warms up
  const timeline = await timePasses(context, once);
  let repetitions = dispatches.map(() => 1), seconds = timeline.passes.map((each) => each.seconds);
  // Twice, and at most 64 times more each: a first measurement as short as a tick of the clock says little.
  for (let round = 0; round < 2 && seconds.some((each, index) => repetitions[index]! * each < minimum); round++) {
    repetitions = repetitions.map((count, index) =>
      Math.max(count, Math.min(64 * count, repetitionsFor(seconds[index]!, minimum)))
    );
    seconds = await timeInPlace(context, dispatches, repetitions);
  }
  const runs: number[][] = [], whole: number[] = [];
  for (let sample = 0; sample < samples; sample++) { // by turns, so that both see the same disturbances
    runs.push(await timeInPlace(context, dispatches, repetitions));
    whole.push((await timePasses(context, [dispatches])).passes[0]!.seconds);
  }
  const names = dispatchNames(dispatches);
  return {
    dispatches: dispatches.map(({ label, workgroups }, index) => ({
      name: names[index]!,
      op: label,
      workgroups,
      seconds: median(runs.map((run) => run[index]!)),
      repetitions: repetitions[index]!,
    })),
    passSeconds: median(whole),
    timeline,
  };
}

/** Seconds of one run of each dispatch, in a step that repeats the n-th `repetitions[n]` times. */
async function timeInPlace(
  context: Context,
  dispatches: readonly Dispatch[],
  repetitions: readonly number[],
): Promise<number[]> {
  const { passes } = await timePasses(
    context,
    dispatches.map((each, index) => repeated([each], repetitions[index]!)),
  );
  return passes.map(({ seconds }, index) => seconds / repetitions[index]!);
}

/** The label of each dispatch's op, numbered from 1 where the op has several. */
export function dispatchNames(dispatches: readonly Pick<Dispatch, "label">[]): string[] {
  const total = new Map<string, number>(), seen = new Map<string, number>();
  for (const { label } of dispatches) total.set(label, (total.get(label) ?? 0) + 1);
  return dispatches.map(({ label }) => {
    const number = (seen.get(label) ?? 0) + 1;
    seen.set(label, number);
    return total.get(label) === 1 ? label : `${label} #${number}`;
  });
}
