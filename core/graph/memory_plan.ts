/** The memory plan: which transient buffers share memory, decided once, before anything runs. */
import type { Stages } from "../../kernels/kernel.ts";
import type { Op } from "./op.ts";
import type { Tensor, VirtualBuffer } from "./tensor.ts";

/** An op with the stages of its chosen tuning, and one transient buffer for each of their scratch sizes. */
export interface Chosen {
  /** The op. */
  readonly op: Op;
  /** One of those that the kernel lists. */
  readonly tuning: unknown;
  /** The shaders of this tuning, and what they bind. */
  readonly stages: Stages;
  /** The buffers of `stages.scratch`. */
  readonly scratch: readonly VirtualBuffer[];
}

/** Which transient buffers share memory. */
export interface MemoryPlan {
  /** Bytes of each shared buffer. */
  readonly slots: readonly number[];
  /** The index of the shared buffer that each transient one gets. */
  readonly slotOf: ReadonlyMap<VirtualBuffer, number>;
}

interface Interval {
  readonly buffer: VirtualBuffer;
  first: number;
  last: number;
}

/** The first and last op between which each transient buffer, scratch included, must keep its contents. */
export function lifetimes(chosen: readonly Chosen[], keep: readonly Tensor[]): Interval[] {
  const intervals = new Map<VirtualBuffer, Interval>();
  const touch = (buffer: VirtualBuffer, at: number) => {
    if (buffer.lifetime === "persistent") return;
    const known = intervals.get(buffer);
    if (known === undefined) intervals.set(buffer, { buffer, first: at, last: at });
    else known.last = at;
  };
  chosen.forEach(({ op, scratch }, at) => {
    for (const { buffer } of [...op.reads, ...op.writes]) touch(buffer, at);
    for (const buffer of scratch) touch(buffer, at);
  });
  for (const { buffer } of keep) touch(buffer, chosen.length);
  return [...intervals.values()];
}

/**
 * Assigns buffers to slots, largest first, each to the first slot that is free during its whole life. A slot is one
 * real buffer: WebGPU lets a dispatch use a buffer either read-only or writable, so two tensors that are alive
 * together must not share one. Pure.
 */
export function planMemory(chosen: readonly Chosen[], keep: readonly Tensor[]): MemoryPlan {
  const slots: { bytes: number; taken: Interval[] }[] = [];
  const slotOf = new Map<VirtualBuffer, number>();
  const bySize = lifetimes(chosen, keep).sort((a, b) => b.buffer.bytes - a.buffer.bytes || a.first - b.first);
  for (const interval of bySize) {
    const free = ({ taken }: { taken: Interval[] }) =>
      taken.every((other) => other.last < interval.first || other.first > interval.last);
    let index = slots.findIndex(free);
    if (index < 0) index = slots.push({ bytes: interval.buffer.bytes, taken: [] }) - 1;
    slots[index]!.taken.push(interval);
    slotOf.set(interval.buffer, index);
  }
  return { slots: slots.map(({ bytes }) => bytes), slotOf };
}
