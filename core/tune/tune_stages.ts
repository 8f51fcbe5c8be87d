/** The shaders of candidates, each made once, and how long they may take to compile and run. */
import type { Stages } from "../../kernels/kernel.ts";
import { type Entry, type Row, rowOf } from "./tune_entry.ts";
import { type Candidate, stagesHash, type Task } from "./tune_task.ts";

/** What an attempt took, of any task: how long the next may take. */
export interface Pace {
  readonly task: string;
  readonly compileSeconds: number;
  /** Checks, the first timing, and for a task's first attempt the reference. */
  readonly runSeconds: number;
  /** Characters of its shaders. */
  readonly length: number;
}

export const lengthOf = ({ dispatches }: Stages) => dispatches.reduce((sum, { shader }) => sum + shader.code.length, 0);

/** Some shaders take longer to compile than their length tells, and nothing can interrupt it. */
export const CAUTION = 1.5;

/**
 * What an attempt may take: to compile as long as the slowest of all tasks, longer if its shaders are; to run as long as
 * the slowest of its own task.
 */
export function expectedSeconds(pace: readonly Pace[], { key }: Task, stages: Stages): number {
  const length = lengthOf(stages), own = pace.filter(({ task }) => task === key);
  const compile = pace.map((each) => each.compileSeconds * Math.max(1, length / each.length));
  return CAUTION * (Math.max(0, ...compile) + Math.max(0, ...own.map(({ runSeconds }) => runSeconds)));
}

const generated = new WeakMap<Candidate, { readonly stages: Stages | string; readonly hash: string }>();

/** The stages of a candidate, or why it has none, and their hash. */
export async function stagesOf({ op: { kernel, problem } }: Task, candidate: Candidate) {
  const known = generated.get(candidate);
  if (known !== undefined) return known;
  let stages: Stages | string;
  try {
    stages = kernel.stages(problem, candidate.tuning);
  } catch (error) {
    stages = `cannot be generated: ${(error as Error).message.split("\n")[0]}`;
  }
  const made = { stages, hash: typeof stages === "string" ? "" : await stagesHash(stages) };
  generated.set(candidate, made);
  return made;
}

/** The entry without the rows, and the winner, that this version generates differently or not at all. */
export async function freshEntry(task: Task, entry: Entry): Promise<Entry> {
  const rows: Row[] = [];
  for (const candidate of task.candidates) {
    const row = rowOf(entry, candidate.tuning);
    if (row !== undefined && row.hash === (await stagesOf(task, candidate)).hash) rows.push(row);
  }
  const kept = entry.winner !== null && rowOf({ rows }, entry.winner)?.status === "timed";
  return { ...entry, winner: kept ? entry.winner : null, rows };
}
