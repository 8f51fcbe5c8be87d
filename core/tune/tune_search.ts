/** Searches the candidates of one task within a deadline. */
import type { Limits } from "../../kernels/kernel.ts";
import { UserError } from "../host/errors.ts";
import type { Op } from "../graph/op.ts";
import { median } from "../measure/profile.ts";
import type { Attempt, Bench } from "./tune_bench.ts";
import type { TuneCache } from "./tune_cache.ts";
import { confirm, leastCheckSeconds } from "./tune_confirm.ts";
import {
  afterRace,
  contenders,
  defaultRow,
  type Entry,
  mergedRows,
  nearRoofline,
  type Row,
  rowOf,
  SAMPLE_SECONDS,
  settled,
  type TimedRow,
  timedRows,
  untried,
  winnerOf,
} from "./tune_entry.ts";
import type { Runnable } from "./tune_operands.ts";
import type { Expired } from "./within_budget.ts";
import { expectedSeconds, lengthOf, type Pace, stagesOf } from "./tune_stages.ts";
import { type Candidate, overLimits, type Task } from "./tune_task.ts";

/** Why candidates were not tried. */
export const OUT_OF_BUDGET = "the budget was used up", INTERRUPTED = "the search was interrupted";

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

/** What is known of a task after a search, and what the search of it did. */
export interface Outcome {
  /** What was searched. */
  readonly task: Task;
  /** All that is known of it now, from earlier searches too. */
  readonly entry: Entry;
  /** Candidates tried in this search. */
  readonly measured: number;
  /** Why some were not tried; empty if all were. */
  readonly note: string;
  /** Seconds until the first attempt had ended, that of the reference included; null if there was none. */
  readonly openingSeconds: number | null;
}

/** What a search of one task found. */
export interface Found extends Omit<Outcome, "task"> {
  /** That of earlier searches, and of this one's attempts. */
  readonly pace: readonly Pace[];
}

/** What a search may take. */
export interface Allowance {
  /** When the task's share of the budget ends, and when the whole budget does; by the clock of `now`. */
  readonly taskEnd: number;
  readonly wholeEnd: number;
  /** Of all attempts so far. */
  readonly pace: readonly Pace[];
}

const secondsOf = (rows: readonly TimedRow[]) =>
  rows.reduce((sum, { seconds }) => sum + Math.max(SAMPLE_SECONDS, seconds), 0);

/**
 * Tries the candidates of a task that `before` does not tell of: the default first, within the whole budget, then the
 * others within the task's share, until one is near the roofline. The fastest are then timed round robin, and the winner
 * is checked. What is known is written to the cache before each candidate, which counts as unfinished until it has come back.
 */
export async function searchTask(
  task: Task,
  before: Entry,
  { taskEnd, wholeEnd, pace: earlier }: Allowance,
  options: SearchOptions,
): Promise<Found> {
  const { cache, limits, now } = options, floorSeconds = await options.floor(task.op), basis = task.candidates[0]!;
  const pace = [...earlier], runnables = new Map<string, Runnable>();
  const began = now();
  let entry = before, measured = 0, note = "", bench: Bench | null = null, openingSeconds: number | null = null;
  let trying: Candidate | null = null;
  const expired = () => now() > wholeEnd;
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
    await cache.write(task, { ...entry, budgetSeconds: 0 }); // should the process end, this was no whole search
    const start = now();
    const result = await bench.attempt(stages, expired).catch((error: Error): Attempt => {
      options.check(); // a lost device ends the search, and the candidate stays unfinished
      return { status: "invalid", reason: error.message.split("\n")[0]!, compileSeconds: 0 };
    });
    openingSeconds ??= now() - began;
    entry = known;
    trying = null;
    if (result.status === "expired") return false;
    const { compileSeconds } = result, runSeconds = Math.max(0, now() - start - compileSeconds);
    pace.push({ task: task.key, compileSeconds, runSeconds, length: lengthOf(stages) });
    if (result.status === "timed") {
      runnables.set(candidate.text, result.runnable);
      record({ ...row, status: "timed", seconds: result.seconds, samples: 1, compileSeconds: result.compileSeconds });
    } else record({ ...row, ...result });
    return true;
  };

  /** Is there time to compile and run a candidate once more? */
  const fits = async (candidate: Candidate): Promise<boolean> => {
    const { stages } = await stagesOf(task, candidate);
    return typeof stages !== "string" && now() + expectedSeconds(pace, task, stages) <= taskEnd;
  };

  /** Times the fastest few again and again, each in turn. */
  const roundRobin = async (): Promise<void> => {
    for (const { tuning } of contenders(task, entry)) {
      const candidate = task.candidates.find(({ text }) => text === JSON.stringify(tuning))!;
      if (runnables.has(candidate.text) || !await fits(candidate)) continue; // those that an earlier search timed
      await attempt(candidate, []);
    }
    let racing = contenders(task, entry).filter(({ tuning }) => runnables.has(JSON.stringify(tuning)));
    const samples = new Map(racing.map((row) => [row, [] as number[]]));
    const middle = (row: TimedRow) => median(samples.get(row)!);
    for (let round = 0; round < ROUNDS && racing.length > 0; round++) {
      if (now() + secondsOf(racing) > (round < 2 ? wholeEnd : taskEnd)) break;
      const turn = round % racing.length, order = [...racing.slice(turn), ...racing.slice(0, turn)];
      const seconds = await bench!.time(order.map(({ tuning }) => runnables.get(JSON.stringify(tuning))!));
      order.forEach((row, index) => seconds[index]! > 0 && samples.get(row)!.push(seconds[index]!));
      if (round === 0) continue;
      const best = Math.min(...racing.map(middle));
      racing = racing.filter((row) => middle(row) <= TRAILS * best || JSON.stringify(row.tuning) === basis.text);
    }
    const isBasis = ({ tuning }: Row) => JSON.stringify(tuning) === basis.text;
    // A race that the default misses for lack of time, not because it is far slower, decides nothing.
    if (contenders(task, entry).some(isBasis) && ![...samples.keys()].some(isBasis)) return;
    const raced = [...samples].filter(([, taken]) => taken.length > 1);
    if (raced.length === 0) return;
    entry = afterRace(entry, raced.map(([row, taken]) => ({ ...row, seconds: median(taken), samples: taken.length })));
  };

  /** What to use where no winner could be confirmed: that of an earlier search, or the default. */
  const withoutCheck = (): unknown => {
    const known = before.winner !== null && rowOf(entry, before.winner)?.status === "timed";
    return known ? before.winner : defaultRow(task, entry)?.tuning ?? null;
  };

  /** The winner, once it was confirmed; those that are wrong once are rejected, and the next best is confirmed likewise. */
  const confirmedWinner = async (): Promise<unknown> => {
    for (;;) {
      if (!settled(entry)) await roundRobin();
      const winner = winnerOf(task, entry), row = timedRows(entry).find(({ tuning }) => tuning === winner);
      const text = JSON.stringify(winner), candidate = task.candidates.find((each) => each.text === text);
      if (row === undefined || candidate === undefined || text === JSON.stringify(before.winner)) return winner;
      const runnable = runnables.get(text), { stop } = options;
      if (runnable === undefined) { // an earlier search timed it
        if (await fits(candidate) && await attempt(candidate, [])) continue;
        return withoutCheck();
      }
      const check = async (round: number) => await bench!.check(runnable, round);
      const checked = await confirm({ row, check, now, began, end: wholeEnd, stop });
      if (checked.status !== "wrong") return checked.status === "right" ? winner : withoutCheck();
      record({ ...row, status: "rejected", reason: checked.reason, seconds: null });
    }
  };

  let winner: unknown;
  try {
    const left = untried(task, entry), known = contenders(task, entry).map(({ tuning }) => JSON.stringify(tuning));
    // A default that an earlier search timed is timed again: the others must be compared with it.
    const queue = left.length > 0 && known.includes(basis.text) && !left.includes(basis) ? [basis, ...left] : left;
    for (const [index, candidate] of queue.entries()) {
      if (options.stop()) note = INTERRUPTED;
      else if (nearRoofline(entry, floorSeconds)) note = "another is within 10 % of the roofline";
      if (note !== "") break;
      const { stages } = await stagesOf(task, candidate);
      const needed = (typeof stages === "string" ? 0 : expectedSeconds(pace, task, stages)) +
        2 * secondsOf(contenders(task, entry)) + leastCheckSeconds(timedRows(entry)[0]);
      if (now() + needed > (candidate === basis ? wholeEnd : taskEnd)) continue;
      options.onCandidate(task, entry);
      if (await attempt(candidate, queue.slice(index + 1, index + 1 + options.ahead))) measured++;
    }
    if (note === "" && untried(task, entry).length > 0) note = OUT_OF_BUDGET;
    winner = await confirmedWinner();
  } catch (error) {
    try {
      options.check();
    } catch (lost) { // ends everything; the cache keeps the candidate in hand as unfinished
      const inHand = trying as Candidate | null;
      if (inHand === null) throw lost;
      throw new UserError(
        `The device was lost while ${task.labels[0]} was tried with ${inHand.text}, which is left out from now on: ` +
          `start again to go on (${(lost as Error).message})`,
      );
    }
    note = (error as Error).message.split("\n")[0]!;
    winner = withoutCheck();
  }
  const opened = bench as Bench | null;
  const budgetSeconds = options.stop() ? 0 : entry.budgetSeconds;
  entry = { ...entry, winner, expected: opened?.expected ?? entry.expected, budgetSeconds };
  const used = task.candidates.find(({ text }) => text === JSON.stringify(winner));
  const { stages } = used === undefined ? { stages: null } : await stagesOf(task, used);
  opened?.close(typeof stages === "string" ? null : stages);
  await cache.write(task, entry);
  return { entry, measured, note, openingSeconds, pace };
}
