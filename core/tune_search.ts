/** Searches the candidates of one task within a deadline. */
import type { Limits, Stages } from "../kernels/kernel.ts";
import { UserError } from "./errors.ts";
import type { Op } from "./op.ts";
import { median } from "./profile.ts";
import type { Attempt, Bench, Expired } from "./tune_bench.ts";
import type { TuneCache } from "./tune_cache.ts";
import {
  contenders,
  type Entry,
  mergedRows,
  nearRoofline,
  type Row,
  rowOf,
  settled,
  type TimedRow,
  untried,
  winnerOf,
} from "./tune_entry.ts";
import type { Runnable } from "./tune_operands.ts";
import { type Candidate, overLimits, stagesHash, type Task } from "./tune_task.ts";

/** The note of candidates that were not reached. */
export const OUT_OF_BUDGET = "the budget was used up";

/** Samples of each contender; after two, those slower than the best by `TRAILS` drop out. */
const ROUNDS = 5, TRAILS = 1.1;

/** What a search works with: replaced by fakes in tests. */
export interface SearchOptions {
  readonly limits: Limits;
  readonly cache: TuneCache;
  readonly openBench: (op: Op, expired: Expired) => Promise<Bench>;
  /** Seconds on the device that an op takes at least, by the device's peaks. */
  readonly floor: (op: Op) => Promise<number>;
  /** Candidates to compile ahead, in other threads. */
  readonly ahead: number;
  /** Seconds, from any origin. */
  readonly now: () => number;
  /** Asked between two candidates: end the search? */
  readonly stop: () => boolean;
  /** Throws where the device cannot be used any more. */
  readonly check: () => void;
  /** Called before each candidate with what is known until then. */
  readonly onCandidate: (task: Task, entry: Entry) => void;
}

/** What is known of a task now, and what the search of it did. */
export interface Found {
  readonly entry: Entry;
  /** Candidates tried in this search. */
  readonly measured: number;
  /** Why some were not tried; empty if all were. */
  readonly note: string;
  /** Seconds until the first attempt had ended, that of the reference included; null if there was none. */
  readonly openingSeconds: number | null;
}

/** Seconds that earlier attempts took, and the length of their shaders: how long the next may take. */
interface Pace {
  readonly seconds: number;
  readonly length: number;
}

const lengthOf = ({ dispatches }: Stages) => dispatches.reduce((sum, { shader }) => sum + shader.code.length, 0);

/** Some shaders take longer to compile than their length tells, and nothing can interrupt it. */
export const CAUTION = 1.5;

/** Longer shaders take longer to compile; no shader is promised to be faster than what was seen. */
function expectedSeconds(pace: readonly Pace[], stages: Stages): number {
  const length = lengthOf(stages);
  return CAUTION * Math.max(0, ...pace.map((each) => each.seconds * Math.max(1, length / each.length)));
}

const generated = new WeakMap<Candidate, { readonly stages: Stages | string; readonly hash: string }>();

/** The stages of a candidate, or why it has none, and their hash. */
async function stagesOf({ op: { kernel, problem } }: Task, candidate: Candidate) {
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

/** When a task's share of the budget ends, and when the whole budget does; by the clock of `now`. */
export interface Deadlines {
  readonly task: number;
  readonly whole: number;
  /** The budget to record once the search has come to its end: one with as much need not begin again. */
  readonly budgetSeconds: number;
}

/** Shortest time that a sample is thought to take, with what surrounds it. */
const SAMPLE_SECONDS = 0.002;

const secondsOf = (rows: readonly TimedRow[]) =>
  rows.reduce((sum, { seconds }) => sum + Math.max(SAMPLE_SECONDS, seconds), 0);

/**
 * Tries the candidates of a task that `before` does not tell of: the default first, within the whole budget, then the
 * others within the task's share, until one is near the roofline. The fastest are then timed round robin. What is
 * known is written to the cache before each candidate, which counts as unfinished until it has come back.
 */
export async function searchTask(
  task: Task,
  before: Entry,
  deadlines: Deadlines,
  options: SearchOptions,
): Promise<Found> {
  const { cache, limits, now } = options, floorSeconds = await options.floor(task.op), basis = task.candidates[0]!;
  const pace: Pace[] = [], runnables = new Map<string, Runnable>();
  const began = now();
  let entry = before, measured = 0, note = "", bench: Bench | null = null, openingSeconds: number | null = null;
  let trying: Candidate | null = null;
  const expired = () => now() > deadlines.whole;
  const record = (row: Row) => {
    entry = { ...entry, rows: mergedRows(entry.rows, [row]) };
  };
  const attempt = async (candidate: Candidate, upcoming: readonly Candidate[]): Promise<boolean> => {
    const { stages, hash } = await stagesOf(task, candidate);
    const row: Row = {
      tuning: candidate.tuning,
      hash,
      status: "invalid",
      reason: "",
      seconds: null,
      samples: 0,
      compileSeconds: null,
    };
    const impossible = typeof stages === "string" ? stages : candidate === basis ? null : overLimits(stages, limits);
    if (typeof stages === "string" || impossible !== null) {
      record({ ...row, reason: impossible! });
      return true;
    }
    bench ??= await options.openBench(task.op, expired);
    for (const next of upcoming) {
      const { stages } = await stagesOf(task, next);
      if (typeof stages !== "string" && overLimits(stages, limits) === null) bench.prefetch(stages);
    }
    const known = entry;
    trying = candidate;
    record({ ...row, status: "unfinished", reason: "the program ended while it was tried" });
    await cache.write(task, entry);
    const start = now(),
      result = await bench.attempt(stages, expired).catch((error: Error): Attempt => {
        options.check();
        return { status: "invalid", reason: error.message.split("\n")[0]!, compileSeconds: 0 };
      });
    openingSeconds ??= now() - began;
    pace.push({ seconds: now() - start, length: lengthOf(stages) });
    entry = known;
    trying = null;
    if (result.status === "expired") return false;
    if (result.status === "timed") {
      runnables.set(candidate.text, result.runnable);
      record({ ...row, status: "timed", seconds: result.seconds, samples: 1, compileSeconds: result.compileSeconds });
    } else record({ ...row, ...result });
    return true;
  };

  /** Times the fastest few again and again, each in turn. */
  const roundRobin = async (): Promise<void> => {
    for (const { tuning } of contenders(task, entry)) {
      const candidate = task.candidates.find(({ text }) => text === JSON.stringify(tuning))!;
      if (
        runnables.has(candidate.text) || now() + Math.max(0, ...pace.map(({ seconds }) => seconds)) > deadlines.task
      ) {
        continue; // an earlier search timed it
      }
      await attempt(candidate, []);
    }
    let racing = contenders(task, entry).filter(({ tuning }) => runnables.has(JSON.stringify(tuning)));
    const samples = new Map(racing.map((row) => [row, [] as number[]]));
    const middle = (row: TimedRow) => median(samples.get(row)!);
    for (let round = 0; round < ROUNDS && racing.length > 0; round++) {
      if (now() + secondsOf(racing) > (round < 2 ? deadlines.whole : deadlines.task)) break;
      const turn = round % racing.length, order = [...racing.slice(turn), ...racing.slice(0, turn)];
      const seconds = await bench!.time(order.map(({ tuning }) => runnables.get(JSON.stringify(tuning))!));
      order.forEach((row, index) => seconds[index]! > 0 && samples.get(row)!.push(seconds[index]!));
      if (round === 0) continue;
      const best = Math.min(...racing.map(middle));
      racing = racing.filter((row) => middle(row) <= TRAILS * best || JSON.stringify(row.tuning) === basis.text);
    }
    for (const [row, taken] of samples) {
      if (taken.length > 1) record({ ...row, seconds: median(taken), samples: taken.length });
    }
  };

  try {
    const queue = untried(task, entry);
    for (const [index, candidate] of queue.entries()) {
      if (options.stop()) note = "the search was interrupted";
      else if (nearRoofline(entry, floorSeconds)) note = "another is within 10 % of the roofline";
      if (note !== "") break;
      const { stages } = await stagesOf(task, candidate);
      const needed = (typeof stages === "string" ? 0 : expectedSeconds(pace, stages)) +
        2 * secondsOf(contenders(task, entry));
      if (now() + needed > (candidate === basis ? deadlines.whole : deadlines.task)) continue;
      options.onCandidate(task, entry);
      if (await attempt(candidate, queue.slice(index + 1, index + 1 + options.ahead))) measured++;
    }
    if (note === "" && untried(task, entry).length > 0) note = OUT_OF_BUDGET;
    if (!settled(entry)) await roundRobin();
  } catch (error) {
    try {
      options.check();
    } catch (lost) { // nothing goes on without a device; the cache keeps the candidate as unfinished
      const { text } = trying as Candidate | null ?? { text: null }, { message } = lost as Error;
      if (text === null) throw lost;
      throw new UserError(
        `The device was lost while ${task.labels[0]} was tried with ${text}, which is left out from now on: start ` +
          `again to go on (${message})`,
      );
    }
    note = (error as Error).message.split("\n")[0]!;
  }
  const winner = winnerOf(task, entry), opened = bench as Bench | null;
  const budgetSeconds = options.stop() ? entry.budgetSeconds : Math.max(entry.budgetSeconds, deadlines.budgetSeconds);
  entry = { ...entry, winner, expected: opened?.expected ?? entry.expected, budgetSeconds };
  const used = task.candidates.find(({ text }) => text === JSON.stringify(winner));
  const { stages } = used === undefined ? { stages: null } : await stagesOf(task, used);
  opened?.close(typeof stages === "string" ? null : stages);
  await cache.write(task, entry);
  return { entry, measured, note, openingSeconds };
}
