/** The one loop that runs plans: step data, submission, at most two steps in flight, and the errors of the device. */
import type { Context } from "./device.ts";
import { type Buffers, type Plan, run } from "./plan.ts";
import { encodeStep, type StepData } from "../graph/step_data.ts";
import type { Tensor } from "../graph/tensor.ts";
import { readTensors } from "./transfer.ts";
import { waitMeter } from "./wait_meter.ts";

/** Plans that run one after the other in one compute pass, and what the step buffer says meanwhile. */
export interface Submission {
  readonly plans: readonly Plan[];
  readonly data: StepData;
}

/** Where plans run: a device, and the step buffer that they share. */
export interface StepTarget {
  readonly context: Context;
  readonly buffers: Buffers;
  readonly step: Tensor;
}

/** Writes the step data of each submission and submits it; returns at once. */
export function submit({ context, buffers, step }: StepTarget, submissions: readonly Submission[]): void {
  for (const { plans, data } of submissions) {
    context.device.queue.writeBuffer(buffers.get(step.buffer)!, step.offset, encodeStep(data));
    run(context, ...plans);
  }
}

/** Runs a plan that needs no step data, and reads some of its tensors, in one wait. Throws where the device failed. */
export async function runAndRead(context: Context, plan: Plan, tensors: readonly Tensor[]): Promise<ArrayBuffer[]> {
  run(context, plan);
  const bytes = await readTensors(context, plan.buffers, tensors);
  context.check();
  return bytes;
}

/** Steps one after the other: while one runs, the next is encoded. */
export interface PlanLoop {
  /**
   * Takes a step: waits until `input`, if any, has put what it reads on the device, submits it, and waits until no more
   * than this one is left to do. Throws where the device failed.
   */
  run(step: readonly Submission[], input?: (() => Promise<void>) | null): Promise<void>;
  /** Waits for all steps. */
  finish(): Promise<void>;
  /** How long the device had nothing to do so far, since input was not there yet. */
  waitedSeconds(): number;
}

export function planLoop(target: StepTarget): PlanLoop {
  const { context } = target, waits = waitMeter();
  const inFlight: Promise<unknown>[] = [];
  return {
    async run(step, input = null) {
      if (input !== null) await waits.during(input());
      submit(target, step);
      const done = context.device.queue.onSubmittedWorkDone();
      done.catch(() => {}); // where the device is lost, check() throws first
      waits.submitted(done);
      inFlight.push(done);
      if (inFlight.length > 1) await inFlight.shift();
      context.check();
    },
    async finish() {
      await Promise.all(inFlight.splice(0));
    },
    waitedSeconds: waits.seconds,
  };
}
