/** Where the tensors of a program lie, for people to read: which share a slot, and when each of them lives. */
import type { Layout } from "../core/graph/layout.ts";
import { lifetimes } from "../core/graph/memory_plan.ts";
import { mebibytes } from "../core/host/memory.ts";
import { alignColumns } from "./op_table.ts";

/** A tensor in a slot, from the op that first writes it to the last that reads it. */
export interface Tenant {
  readonly name: string;
  readonly bytes: number;
  /** Numbers of ops; `last` is their count for what is read after the program. */
  readonly first: number;
  readonly last: number;
  /** Is it memory that an op needs for itself alone? */
  readonly scratch: boolean;
}

export interface MemoryInfo {
  readonly ops: number;
  /** Real buffers, and the tensors that take turns in each, in the order in which they live. */
  readonly slots: readonly { readonly bytes: number; readonly tensors: readonly Tenant[] }[];
  /** Buffers that keep their contents between runs. */
  readonly persistent: readonly { readonly name: string; readonly bytes: number }[];
}

export function memoryInfo({ chosen, keep, slots, slotOf }: Layout): MemoryInfo {
  const lives = lifetimes(chosen, keep).sort((a, b) => a.first - b.first);
  const scratch = new Set(chosen.flatMap((each) => each.scratch));
  const used = new Set(chosen.flatMap(({ op }) => [...op.reads, ...op.writes]).map(({ buffer }) => buffer));
  return {
    ops: chosen.length,
    slots: slots.map((bytes, slot) => ({
      bytes,
      tensors: lives.filter(({ buffer }) => slotOf.get(buffer) === slot).map(({ buffer, first, last }) => ({
        name: buffer.label,
        bytes: buffer.bytes,
        first,
        last,
        scratch: scratch.has(buffer),
      })),
    })),
    persistent: [...used].filter(({ lifetime }) => lifetime === "persistent").map(({ label, bytes }) => ({
      name: label,
      bytes,
    })),
  };
}

/** Most columns of the drawing; of a longer program, several ops share one. */
const MOST_COLUMNS = 64;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

const sum = (parts: readonly { readonly bytes: number }[]) => parts.reduce((total, { bytes }) => total + bytes, 0);

/** "1.5 MiB", "16 bytes" */
function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 2 ** 20 ? `${(bytes / 1024).toFixed(1)} KiB` : mebibytes(bytes);
}

/** The slots, each a row over the ops of the program with a letter for the tensor that lives there; then what stays. */
export function memoryMap({ ops, slots, persistent }: MemoryInfo): string {
  const stays = alignColumns(persistent.map(({ name, bytes }) => [`  ${name}`, size(bytes)]));
  const beside = `Kept from run to run, ${size(sum(persistent))}:\n\n${stays}`;
  if (slots.length === 0) return `It needs no other memory than what is kept.\n\n${beside}`;
  const columns = Math.min(ops, MOST_COLUMNS), tensors = slots.flatMap(({ tensors }) => tensors);
  const rows = slots.map(({ bytes, tensors }, slot) => {
    const named = tensors.filter(({ scratch }) => !scratch).map((tenant, index) => ({
      ...tenant,
      letter: LETTERS[index % LETTERS.length]!,
    }));
    const tenants = [...named, ...tensors.filter(({ scratch }) => scratch).map((each) => ({ ...each, letter: "+" }))];
    const drawing = Array.from({ length: columns }, (_, column) => {
      const from = Math.floor(column * ops / columns), to = Math.floor((column + 1) * ops / columns) - 1;
      return tenants.find(({ first, last }) => first <= to && last >= from)?.letter ?? ".";
    });
    const names = named.map(({ letter, name }) => `${letter} ${name}`).join(", ");
    return [String(slot), size(bytes), drawing.join(""), names];
  });
  return [
    `${slots.length} slots of ${size(sum(slots))} together hold ${tensors.length} tensors of ${size(sum(tensors))}: ` +
    "those that are never needed at the same time share one.",
    `From left to right are the program's operations, 0 to ${ops - 1}${
      columns < ops ? ", some in one column" : ""
    }; a ` +
    "letter is the tensor that must be kept then, + is scratch memory of that operation alone.",
    "",
    alignColumns([["slot", "size", "over the program", "tensors"], ...rows], [2, 3]),
    "",
    beside,
  ].join("\n");
}
