/** From a program to all that can be decided without a device: tunings, shaders, which tensors share memory. */
import type { Limits } from "../../kernels/kernel.ts";
import { MAX_WORKGROUPS } from "../../kernels/wgsl.ts";
import { TooLargeError } from "../host/errors.ts";
import { checkMemory, mebibytes } from "../host/memory.ts";
import { fuse } from "./fuse.ts";
import { type Chosen, type MemoryPlan, planMemory } from "./memory_plan.ts";
import type { Program } from "./program.ts";
import { bytesOf, type Tensor, type VirtualBuffer } from "./tensor.ts";
import type { Tuner } from "./tuner.ts";

/** What `choose` decides for each op of a program. */
export async function chooseTunings({ ops }: Program, tuner: Tuner): Promise<Chosen[]> {
  await tuner.prepare?.(ops);
  const chosen: Chosen[] = [];
  for (const op of ops) {
    const tuning = await tuner.choose(op);
    const stages = op.kernel.stages(op.problem, tuning);
    const scratch = stages.scratch.map((bytes, index): VirtualBuffer => ({
      label: `${op.label}/scratch${index}`,
      bytes,
      lifetime: "transient",
    }));
    chosen.push({ op, tuning, stages, scratch });
  }
  return chosen;
}

/** Throws `TooLargeError` where a tensor exceeds one binding: names it, and the largest batch that fits. */
function checkBindings(chosen: readonly Chosen[], bindingBytes: number): void {
  for (const { op, scratch, stages } of chosen) {
    for (const tensor of [...op.reads, ...op.writes]) {
      const bytes = bytesOf(tensor);
      if (bytes <= bindingBytes) continue;
      const batch = tensor.shape[0]!;
      throw new TooLargeError(
        `Cannot run ${op.label}: tensor ${tensor.buffer.label} [${tensor.shape.join(", ")}] takes ${
          mebibytes(bytes)
        }, ` +
          `this device binds at most ${mebibytes(bindingBytes)}; the largest batch that fits is ` +
          `${Math.floor(batch * bindingBytes / bytes)}`,
      );
    }
    for (const { label, bytes } of scratch) {
      if (bytes > bindingBytes) throw new TooLargeError(`Cannot run ${op.label}: ${label} takes ${mebibytes(bytes)}`);
    }
    const workgroups = Math.max(...stages.dispatches.flatMap(({ shader }) => shader.workgroups));
    if (workgroups > MAX_WORKGROUPS) {
      throw new TooLargeError(
        `Cannot run ${op.label}: it takes ${workgroups} workgroups in one dimension, at most ${MAX_WORKGROUPS} are ` +
          "allowed; use a smaller batch or fewer channels",
      );
    }
  }
}

/** A program with everything decided that needs no device: tunings, shaders, which tensors share memory. */
export interface Layout extends MemoryPlan {
  /** The ops after fusion, each with its tuning, its shaders and its scratch. */
  readonly chosen: readonly Chosen[];
  /** What the program keeps for whoever reads it afterwards. */
  readonly keep: readonly Tensor[];
}

/**
 * Lays out a program: fuse ops, choose tunings, expand stages, plan memory. Throws `TooLargeError` where it exceeds what
 * the device or, on a software adapter, main memory can hold.
 */
export async function layOut(traced: Program, tuner: Tuner, { bindingBytes, software }: Limits): Promise<Layout> {
  const program = fuse(traced), chosen = await chooseTunings(program, tuner);
  checkBindings(chosen, bindingBytes);
  const memory = planMemory(chosen, program.keep);
  if (software) checkMemory("the tensors of a step", memory.slots.reduce((sum, bytes) => sum + bytes, 0));
  return { chosen, keep: program.keep, ...memory };
}
