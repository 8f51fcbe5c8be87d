/** What is known of the candidates of a task, and what follows from it: whom to time again, and whom to use. */
import type { Expected } from "./tune_bench.ts";
import type { Candidate, Subject, Task } from "./tune_task.ts";

/** What happened to one candidate. */
export interface Row {
  /** One of those that the kernel listed. */
  readonly tuning: unknown;
  /** `stagesHash` of what was measured: where it differs now, the row says nothing. */
  readonly hash: string;
  /** "rejected": computed something else than the reference; "unfinished": the program ended while it was tried. */
  readonly status: "timed" | "rejected" | "invalid" | "unfinished";
  /** Why it was not timed; empty where it was. */
  readonly reason: string;
  /** Median of `samples` samples, in seconds on the device; null unless timed. */
  readonly seconds: number | null;
  /** How many samples were taken. */
  readonly samples: number;
  /** Seconds that compiling took, as far as the host can tell; null if unknown. */
  readonly compileSeconds: number | null;
}

export type TimedRow = Row & { readonly seconds: number };

/** All that is known of one task, as its file holds it. */
export interface Entry {
  /** Of the format. */
  readonly version: 1;
  /** The device it is of: `scope` of a `Context`. */
  readonly scope: string;
  /** What was measured. */
  readonly subject: Subject;
  /** `offered` of the task when it was searched last, and the largest budget of a search, for the whole program. */
  readonly offered: string;
  /** The largest budget in seconds that a program with this task was searched with. */
  readonly budgetSeconds: number;
  /** The tuning to use; null where nothing was measured. */
  readonly winner: unknown;
  /** What the outputs are on known inputs, by which a winner is checked again before use. */
  readonly expected: Expected | null;
  /** What happened to each candidate. */
  readonly rows: readonly Row[];
}

type Rows = Pick<Entry, "rows">;

/** Shortest time that a sample is thought to take, with what surrounds it. */
export const SAMPLE_SECONDS = 0.002;
/** A candidate this many times slower than the best is not timed again. */
const DROPPED = 3;
/** Those within this factor of the best are timed round robin, at most so many, and the default. */
const CONTENDS = 1.3, MAX_CONTENDERS = 6;
/** A search ends at this factor of the time that the roofline allows. */
const NEAR_ROOFLINE = 1.1;
/** Share of the default's time by which a winner must be faster: with few samples, noise is larger. */
const MARGIN = { many: 0.02, few: 0.1 }, MANY_SAMPLES = 4;

/** An entry without rows. */
export function emptyEntry({ subject, offered }: Task, scope: string): Entry {
  return { version: 1, scope, subject, offered, budgetSeconds: 0, winner: null, expected: null, rows: [] };
}

export function rowOf({ rows }: Rows, tuning: unknown): Row | undefined {
  const text = JSON.stringify(tuning);
  return rows.find((row) => JSON.stringify(row.tuning) === text);
}

/** The rows of both, those of `newer` where both have one. */
export function mergedRows(older: readonly Row[], newer: readonly Row[]): Row[] {
  return [...new Map([...older, ...newer].map((row) => [JSON.stringify(row.tuning), row])).values()];
}

/** The timed rows, fastest first. */
export function timedRows({ rows }: Rows): TimedRow[] {
  return rows.filter((row): row is TimedRow => row.seconds !== null).sort((a, b) => a.seconds - b.seconds);
}

/** The row of the default, if it was timed. */
export function defaultRow({ candidates }: Task, entry: Rows): TimedRow | undefined {
  return timedRows({ rows: [rowOf(entry, candidates[0]!.tuning)].filter((row) => row !== undefined) })[0];
}

/** Candidates that no row tells of; the default is tried in any case. */
export function untried({ candidates }: Task, entry: Rows): Candidate[] {
  return candidates.filter(({ tuning }, index) => {
    const row = rowOf(entry, tuning);
    return row === undefined || (index === 0 && row.status === "unfinished");
  });
}

/** Is a candidate so near to the roofline that no other can be much faster? */
export function nearRoofline(entry: Rows, floorSeconds: number): boolean {
  const [best] = timedRows(entry);
  return best !== undefined && best.seconds <= NEAR_ROOFLINE * floorSeconds;
}

/** The fastest few, and the default: what to time round robin. */
export function contenders(task: Task, entry: Rows): TimedRow[] {
  const timed = timedRows(entry), best = timed[0]?.seconds ?? 0, basis = defaultRow(task, entry);
  const near = timed.filter(({ seconds }) => seconds <= CONTENDS * best).slice(0, MAX_CONTENDERS);
  const apart = basis !== undefined && !near.includes(basis) && basis.seconds <= DROPPED * best;
  return apart ? [...near, basis] : near;
}

/** Was the fastest timed round robin? */
export function settled(entry: Rows): boolean {
  return (timedRows(entry)[0]?.samples ?? 2) > 1;
}

/**
 * The entry after a race. Only the racers count as sampled: what was timed at another time, perhaps on a busier machine,
 * cannot be compared with them.
 */
export function afterRace<E extends Rows>(entry: E, racers: readonly TimedRow[]): E {
  const others = entry.rows.map((row) => row.samples > 1 ? { ...row, samples: 1 } : row);
  return { ...entry, rows: mergedRows(others, racers) };
}

/**
 * The fastest of those timed round robin with the default; the default where that is as fast within the noise, or where
 * no race was run; null where nothing was timed.
 */
export function winnerOf(task: Task, entry: Rows): unknown {
  const timed = timedRows(entry), best = timed.find(({ samples }) => samples > 1), basis = defaultRow(task, entry);
  if (basis === undefined) return (best ?? timed[0])?.tuning ?? null;
  if (best === undefined) return basis.tuning;
  const margin = best.samples >= MANY_SAMPLES ? MARGIN.many : MARGIN.few;
  return best.seconds < (1 - margin) * basis.seconds ? best.tuning : basis.tuning;
}
