/** From a program to something that runs: buffers, pipelines and bind groups, all made once. */
import type { Binding, Workgroups } from "../../kernels/kernel.ts";
import { createBuffer } from "./buffers.ts";
import type { Context } from "./device.ts";
import { firstLine, UserError } from "../host/errors.ts";
import { fnv1a } from "../graph/fnv1a.ts";
import type { Op } from "../graph/op.ts";
import { layOut } from "../graph/layout.ts";
import type { Chosen } from "../graph/memory_plan.ts";
import type { Program } from "../graph/program.ts";
import { runFirst } from "./first_runs.ts";
import { pipelineFor, ShaderError } from "./pipeline.ts";
import { bytesOf, type Tensor, type VirtualBuffer } from "../graph/tensor.ts";
import type { Tuner, Tunings } from "../graph/tuner.ts";

/** One shader of a plan, with all that it is bound to. */
export interface Dispatch {
  /** The label of its op. */
  readonly label: string;
  /** The compiled shader. */
  readonly pipeline: GPUComputePipeline;
  /** Its buffers, group 0. */
  readonly bindGroup: GPUBindGroup;
  /** How many workgroups run, in x, y and z. */
  readonly workgroups: Workgroups;
}

/** The buffers on the device by the virtual ones that tensors name. */
export type Buffers = Map<VirtualBuffer, GPUBuffer>;

/** A compiled program: everything that a run needs, made once. */
export interface Plan {
  /** Its ops after fusion, each with the tuning that was chosen and the shaders of it. */
  readonly ops: readonly Chosen[];
  /** All dispatches in order: those of the first op, then those of the second one. */
  readonly dispatches: readonly Dispatch[];
  /** Every buffer of the program, those shared with other plans included. */
  readonly buffers: Buffers;
  /** What was chosen for each op, by label: what `fixedTuner` takes to choose the same again. */
  readonly tunings: Tunings;
  /** A hash of all shaders, in order. */
  readonly shaders: string;
  /** Bytes of the transient buffers, scratch included. */
  readonly transientBytes: number;
  /** Frees the transient buffers. */
  destroy(): void;
  /** `destroy`, for `using plan = await compile(...)`. */
  [Symbol.dispose](): void;
}

/**
 * Compiles a program: lay it out, create buffers, pipelines (in parallel) and bind groups. Persistent buffers are taken
 * from `shared`, or created, zeroed, and added to it. Throws `UserError` where the memory of the device does not suffice.
 * On Mesa's software driver `onCompiled` hears the share of the shaders that it has compiled.
 *
 * @example
 * ```ts
 * const double = elementwiseKernel("double", ["x"], "x + x");
 * const x = tensor("x", [8], { lifetime: "persistent" }), y = tensor("y", [8], { lifetime: "persistent" });
 * const program = { ops: [op(double, { count: 8 }, { label: "double", reads: [x], writes: [y] })], keep: [] };
 * const buffers: Buffers = new Map();
 * await writeTensor(device, buffers, x, Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7));
 * run(device, await compile(device, program, defaultTuner(device.limits), buffers));
 * console.log((await readTensor(device, buffers, y)).join(" ")); // 0 2 4 6 8 10 12 14
 * ```
 */
export async function compile(
  context: Context,
  program: Program,
  tuner: Tuner,
  shared: Buffers,
  onCompiled: (done: number) => void = () => {},
): Promise<Plan> {
  context.check();
  const { chosen, slots, slotOf } = await layOut(program, tuner, context.limits);
  const pipelines = Promise.all(
    chosen.map(({ op, stages }) =>
      Promise.all(
        stages.dispatches.map(({ shader }) => pipelineFor(context.device, op.label, shader.code).catch(blamed(op))),
      )
    ),
  );
  pipelines.catch(() => {}); // awaited below, after the buffers, whose errors come first
  const slotBuffers: GPUBuffer[] = [];
  for (const [index, bytes] of slots.entries()) {
    const tenant = [...slotOf].find(([, slot]) => slot === index)![0];
    slotBuffers.push(await createBuffer(context, `slot ${index} (${tenant.label} and others)`, bytes));
  }
  const buffers: Buffers = new Map([...slotOf].map(([buffer, slot]) => [buffer, slotBuffers[slot]!]));
  for (const { op } of chosen) {
    for (const { buffer } of [...op.reads, ...op.writes]) {
      if (buffer.lifetime === "transient" || buffers.has(buffer)) continue;
      const created = shared.get(buffer) ?? await createBuffer(context, buffer.label, buffer.bytes);
      shared.set(buffer, created);
      buffers.set(buffer, created);
    }
  }
  const compiled = await pipelines;
  await runFirst(
    context,
    chosen.flatMap(({ op: { label }, stages: { dispatches } }) =>
      dispatches.map(({ shader, bindings }) => ({ label, shader, bindings: bindings.length }))
    ),
    onCompiled,
  );
  const dispatches = chosen.flatMap(({ op, stages, scratch }, opIndex) =>
    stages.dispatches.map(({ shader, bindings }, index): Dispatch => {
      const resources = bindings.map((slot) => resource(buffers, slot, op.reads, op.writes, scratch));
      return bind(context, op.label, compiled[opIndex]![index]!, resources, shader.workgroups);
    })
  );
  const destroy = () => slotBuffers.forEach((buffer) => buffer.destroy());
  return {
    ops: chosen,
    dispatches,
    buffers,
    tunings: Object.fromEntries(chosen.map(({ op, tuning }) => [op.label, tuning])),
    shaders: fnv1a(chosen.flatMap(({ stages }) => stages.dispatches.map(({ shader }) => shader.code)).join(""))
      .toString(16),
    transientBytes: slots.reduce((sum, bytes) => sum + bytes, 0),
    destroy,
    [Symbol.dispose]: destroy,
  };
}

/** Rethrows what is wrong with a shader: where a user wrote it, as one line about that. */
const blamed = (op: Op) => (error: unknown): never => {
  const written = error instanceof ShaderError ? op.kernel.written?.(op.problem) ?? null : null;
  if (written === null) throw error;
  throw new UserError(
    `Cannot compile layer "${op.label.replace(/\/\w+$/, "")}", ${written}: ${firstLine((error as ShaderError).reason)}`,
  );
};

/** A dispatch of a compiled shader; `resources[i]` is bound at `@binding(i)`. */
export function bind(
  { device }: Context,
  label: string,
  pipeline: GPUComputePipeline,
  resources: readonly GPUBufferBinding[],
  workgroups: Workgroups,
): Dispatch {
  const entries = resources.map((resource, binding) => ({ binding, resource }));
  const bindGroup = device.createBindGroup({ label, layout: pipeline.getBindGroupLayout(0), entries });
  return { label, pipeline, bindGroup, workgroups };
}

function resource(
  buffers: Buffers,
  { from, index }: Binding,
  reads: readonly Tensor[],
  writes: readonly Tensor[],
  scratch: readonly VirtualBuffer[],
): GPUBufferBinding {
  if (from === "scratch") {
    const virtual = scratch[index]!;
    return { buffer: buffers.get(virtual)!, size: virtual.bytes };
  }
  const tensor = (from === "read" ? reads : writes)[index]!;
  return { buffer: buffers.get(tensor.buffer)!, offset: tensor.offset, size: bytesOf(tensor) };
}

/**
 * Encodes one compute pass with all dispatches of `plans`, in order, and submits it; returns at once. What ran can be
 * read by `readTensor`, which waits.
 */
export function run({ device, check }: Context, ...plans: readonly Plan[]): void {
  check();
  const encoder = device.createCommandEncoder();
  encodePlans(encoder, plans);
  device.queue.submit([encoder.finish()]);
}

/** Encodes one compute pass with all dispatches of `plans`, in order. */
export function encodePlans(encoder: GPUCommandEncoder, plans: readonly Plan[]): void {
  const pass = encoder.beginComputePass();
  for (const { dispatches } of plans) {
    for (const { pipeline, bindGroup, workgroups } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...workgroups);
    }
  }
  pass.end();
}
