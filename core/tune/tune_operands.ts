/** Buffers of its own for one op, filled with known inputs, and running stages of its kernel on them. */
import type { Binding, Stages } from "../../kernels/kernel.ts";
import { createBuffer } from "../device/buffers.ts";
import { firstLine } from "../host/errors.ts";
import { type CheckArrays, type DeviceArray, openCheckArrays } from "../measure/compare_arrays.ts";
import type { Context } from "../device/device.ts";
import type { Op } from "../graph/op.ts";
import { pipelineFor } from "../device/pipeline.ts";
import { bind, type Dispatch } from "../device/plan.ts";
import { encodePass } from "../measure/profile.ts";
import { encodeStep, isStep } from "../graph/step_data.ts";
import { bytesOf, type Tensor } from "../graph/tensor.ts";

/** Uniform random numbers; or small integers that tell their place, half of them zero, larger at the edges. */
export const INPUTS = ["random", "coded"] as const;
/** "other": random numbers again, others. */
export type Inputs = typeof INPUTS[number] | "other";
const SEEDS: Readonly<Record<Inputs, number>> = { random: 0, coded: 16, other: 32 };

/** Words that company writes: some MiB, so that it takes as long as a short kernel. */
const COMPANY = 2 ** 20;

/** A NaN that no arithmetic makes, as f32 and as two of f16: what nothing has written yet. */
const UNWRITTEN = 0x7fc07eca;

/** Stages that compiled. */
export interface Runnable {
  readonly stages: Stages;
  readonly pipelines: readonly GPUComputePipeline[];
}

export interface Operands {
  readonly arrays: CheckArrays;
  /** What the op writes, in order. */
  readonly outputs: readonly DeviceArray[];
  /** Fills what the op reads. */
  load(inputs: Inputs): Promise<void>;
  /** Marks outputs and scratch as unwritten; outputs that are updated in place get known values instead. */
  reset(stages: Stages, inPlace: readonly boolean[]): Promise<void>;
  /** Throws an `Error` that says why where a shader does not compile. */
  compile(stages: Stages): Promise<Runnable>;
  dispatches(runnable: Runnable): Dispatch[];
  /** Runs once, to the end: what went wrong, if anything, and the seconds that the host waited. */
  run(runnable: Runnable): Promise<{ readonly error: string | null; readonly seconds: number }>;
  /** `run` in company: between dispatches that write elsewhere, in one pass, and without waiting for what was begun. */
  runBeside(runnable: Runnable): Promise<string | null>;
  /** Starts a run and does not wait for it. */
  start(runnable: Runnable): void;
  destroy(): void;
}

const SCOPES = ["validation", "out-of-memory", "internal"] as const;

/** Allocates the op's tensors. Throws `UserError` where the device has not enough memory. */
export async function openOperands(context: Context, op: Op): Promise<Operands> {
  const { device } = context, owned: GPUBuffer[] = [];
  const allocate = async (label: string, bytes: number) => {
    const buffer = await createBuffer(context, label, bytes);
    owned.push(buffer);
    return buffer;
  };
  const destroy = () => owned.splice(0).forEach((buffer) => buffer.destroy());
  const known: { tensor: Tensor; array: DeviceArray }[] = [];
  /** Equal tensors share an array, as `x` in a product of x with itself. */
  const arrayOf = async (tensor: Tensor) => {
    const same = known.find((each) => each.tensor.buffer === tensor.buffer && each.tensor.offset === tensor.offset);
    if (same !== undefined) return same.array;
    const buffer = await allocate(`tune/${tensor.buffer.label}`, bytesOf(tensor));
    const array = { buffer, shape: tensor.shape, dtype: tensor.dtype };
    known.push({ tensor, array });
    return array;
  };
  const inputs: DeviceArray[] = [], outputs: DeviceArray[] = [];
  let arrays: CheckArrays;
  try {
    for (const tensor of op.reads) inputs.push(await arrayOf(tensor));
    for (const tensor of op.writes) outputs.push(await arrayOf(tensor));
    arrays = await openCheckArrays(context);
  } catch (error) {
    destroy();
    throw error;
  }

  let loaded: Inputs | null = null;
  const scratch: GPUBuffer[] = [];
  const reserve = async ({ scratch: sizes }: Stages) => {
    for (const [index, bytes] of sizes.entries()) {
      if (scratch[index] !== undefined && scratch[index].size >= bytes) continue;
      scratch[index]?.destroy();
      scratch[index] = await createBuffer(context, `tune/scratch${index}`, bytes);
    }
  };
  const bound = ({ buffer }: DeviceArray, tensor: Tensor): GPUBufferBinding => ({ buffer, size: bytesOf(tensor) });
  const resource = ({ from, index }: Binding, { scratch: sizes }: Stages): GPUBufferBinding => {
    if (from === "scratch") return { buffer: scratch[index]!, size: sizes[index]! };
    return from === "read" ? bound(inputs[index]!, op.reads[index]!) : bound(outputs[index]!, op.writes[index]!);
  };
  const dispatches = ({ stages, pipelines }: Runnable) =>
    stages.dispatches.map(({ shader, bindings }, index) =>
      bind(context, op.label, pipelines[index]!, bindings.map((slot) => resource(slot, stages)), shader.workgroups)
    );

  /** Submits one pass, which it asks for within the error scopes, and waits for its end. */
  const submitted = async (passed: () => readonly Dispatch[]) => {
    // Encoding and submitting happen before the next await, so that the scopes hold nothing else.
    for (const scope of SCOPES) device.pushErrorScope(scope);
    const start = performance.now();
    let thrown: string | null = null;
    try {
      const encoder = device.createCommandEncoder();
      encodePass(encoder, passed(), {});
      device.queue.submit([encoder.finish()]);
    } catch (error) {
      thrown = firstLine(error);
    }
    const scopes = SCOPES.map(() => device.popErrorScope());
    await device.queue.onSubmittedWorkDone();
    const seconds = (performance.now() - start) / 1000;
    const reported = (await Promise.all(scopes)).find((each) => each !== null);
    context.check(); // a lost device ends the search
    return { error: thrown ?? (reported ? firstLine(reported.message) : null), seconds };
  };

  let company: DeviceArray | null = null;

  return {
    arrays,
    outputs,
    dispatches,
    async load(wanted) {
      if (loaded === wanted) return;
      for (const [index, tensor] of op.reads.entries()) {
        const array = inputs[index]!;
        if (outputs.includes(array)) continue; // `reset` fills it
        const seed = SEEDS[wanted] + index;
        if (isStep(tensor)) {
          const step = encodeStep({ step: 3, seed, learningRate: 0.01, first: 0 });
          device.queue.writeBuffer(array.buffer, 0, step);
        } else if (array.dtype === "u32") await arrays.fill(array, "bits", seed);
        else await arrays.fill(array, wanted === "coded" ? "coded" : "random", seed);
      }
      loaded = wanted;
    },
    async reset(stages, inPlace) {
      await reserve(stages);
      for (const [index, array] of outputs.entries()) {
        if (!inPlace[index]) await arrays.fill(array, "word", UNWRITTEN);
        else await arrays.fill(array, array.dtype === "u32" ? "bits" : "random", 8 + index);
      }
      for (const [index, bytes] of stages.scratch.entries()) {
        const array: DeviceArray = { buffer: scratch[index]!, shape: [Math.ceil(bytes / 4)], dtype: "u32" };
        await arrays.fill(array, "word", UNWRITTEN);
      }
    },
    async compile(stages) {
      const pipelines = stages.dispatches.map(({ shader }) => pipelineFor(device, op.label, shader.code));
      return { stages, pipelines: await Promise.all(pipelines) };
    },
    async run(runnable) {
      await device.queue.onSubmittedWorkDone(); // what fills the arrays is not to be timed
      return await submitted(() => dispatches(runnable));
    },
    async runBeside(runnable) {
      company ??= { buffer: await allocate("tune/company", 4 * COMPANY), shape: [COMPANY], dtype: "u32" };
      const beside = await arrays.filler(company);
      return (await submitted(() => [beside, ...dispatches(runnable), beside])).error;
    },
    start(runnable) {
      const encoder = device.createCommandEncoder();
      encodePass(encoder, dispatches(runnable), {});
      device.queue.submit([encoder.finish()]);
    },
    destroy() {
      destroy();
      arrays.destroy();
      scratch.forEach((buffer) => buffer.destroy());
    },
  };
}
