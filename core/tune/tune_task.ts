/** What there is to tune in a program: each distinct problem once, with its candidates in the order to try them. */
import type { Limits, Stages } from "../../kernels/kernel.ts";
import { MAX_WORKGROUPS } from "../../kernels/wgsl.ts";
import { mebibytes } from "../host/memory.ts";
import type { Op } from "../graph/op.ts";
import { sha256 } from "../host/safetensors.ts";
import type { Tensor } from "../graph/tensor.ts";

/** What a measurement is about: it says nothing about any other kernel, problem or operands. */
export interface Subject {
  /** The kernel's name. */
  readonly kernel: string;
  /** The problem, plain data. */
  readonly problem: unknown;
  /** "f32[128,32,32,96]" */
  readonly reads: readonly string[];
  /** As `reads`, of what it writes. */
  readonly writes: readonly string[];
}

/** One tuning that may be the fastest. */
export interface Candidate {
  /** As the kernel lists it. */
  readonly tuning: unknown;
  /** The tuning as JSON, by which it is compared. */
  readonly text: string;
}

/** A distinct problem of a program: what is tuned once, however many ops have it. */
export interface Task {
  /** What is measured. */
  readonly subject: Subject;
  /** A hash of the subject. */
  readonly key: string;
  /** One of the ops that have this subject, and the labels of all of them. */
  readonly op: Op;
  /** The labels of all ops with this subject. */
  readonly labels: readonly string[];
  /** The default first, then those that are likely fast. */
  readonly candidates: readonly Candidate[];
  /** A hash of the candidates, which changes when a version offers others. */
  readonly offered: string;
}

/** 16 hexadecimal digits. */
export async function hashOf(text: string): Promise<string> {
  return (await sha256(new TextEncoder().encode(text))).slice(0, 16);
}

export async function keyOf({ kernel, problem, reads, writes }: Subject): Promise<string> {
  return await hashOf(JSON.stringify({ kernel, problem, reads, writes }));
}

/** A hash of everything that a tuning generates: equal hashes are the same shaders, dispatches and scratch. */
export async function stagesHash(stages: Stages): Promise<string> {
  return await hashOf(JSON.stringify(stages));
}

const described = ({ dtype, shape }: Tensor) => `${dtype}[${shape.join(",")}]`;

/** What the kernel offers, each once, in its order. */
function candidatesOf({ kernel, problem }: Op, limits: Limits): Candidate[] {
  const listed = kernel.tunings(problem, limits).map((tuning) => ({ tuning, text: JSON.stringify(tuning) }));
  return [...new Map(listed.map((candidate) => [candidate.text, candidate])).values()];
}

/** The task of one op, or null where its kernel leaves no choice. */
export async function taskOf(op: Op, limits: Limits): Promise<Task | null> {
  const candidates = candidatesOf(op, limits);
  if (candidates.length < 2) return null;
  const { kernel: { name }, problem, reads, writes } = op;
  const subject = { kernel: name, problem, reads: reads.map(described), writes: writes.map(described) };
  const offered = await hashOf(candidates.map(({ text }) => text).sort().join("\n"));
  return { subject, key: await keyOf(subject), op, labels: [op.label], candidates, offered };
}

/** The tasks of a program, in order of their first ops. */
export async function tasksOf(ops: readonly Op[], limits: Limits): Promise<Task[]> {
  const tasks = new Map<string, Task>();
  for (const op of ops) {
    const task = await taskOf(op, limits);
    if (task === null) continue;
    const known = tasks.get(task.key);
    tasks.set(task.key, known === undefined ? task : { ...known, labels: [...known.labels, op.label] });
  }
  return [...tasks.values()];
}

/** Bytes of scratch, all buffers together, that a candidate may have on any device: what it takes, a batch lacks. */
const SCRATCH = 2 ** 28;

/** Why stages cannot run within the limits, or null. What shaders themselves may not do, their compilation tells. */
export function overLimits({ scratch, dispatches }: Stages, { bindingBytes }: Limits): string | null {
  const total = scratch.reduce((sum, bytes) => sum + bytes, 0), most = Math.max(SCRATCH, bindingBytes / 4);
  const largest = Math.max(0, ...scratch);
  if (largest > bindingBytes) {
    return `needs a buffer of ${mebibytes(largest)}, at most ${mebibytes(bindingBytes)} can be bound`;
  }
  if (total > most) return `needs ${mebibytes(total)} of scratch, at most ${mebibytes(most)} are allowed`;
  const workgroups = Math.max(...dispatches.flatMap(({ shader }) => shader.workgroups));
  if (workgroups <= MAX_WORKGROUPS) return null;
  return `starts ${workgroups} workgroups in one dimension, at most ${MAX_WORKGROUPS} are allowed`;
}
