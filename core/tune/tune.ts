/** The tuners that measure: one that uses what the cache knows, one that also searches what is missing. */
import type { Cost, Limits } from "../../kernels/kernel.ts";
import type { Context } from "../device/device.ts";
import type { Op } from "../graph/op.ts";
import { measurePeaks, type Peaks, roofline } from "../measure/peaks.ts";
import { openBench } from "./tune_bench.ts";
import { recheck } from "./tune_recheck.ts";
import { type Budget, searchTasks } from "./tune_budget.ts";
import type { TuneCache } from "./tune_cache.ts";
import { type Entry, mergedRows, rowOf } from "./tune_entry.ts";
import type { Outcome } from "./tune_search.ts";
import { stagesHash, type Task, taskOf, tasksOf } from "./tune_task.ts";
import { defaultTuning, type Tuner } from "../graph/tuner.ts";

/** How long to measure, and what to tell meanwhile. */
export interface TuneOptions extends Budget {
  readonly stop: () => boolean;
  readonly onCandidate: (task: Task, entry: Entry) => void;
}

/** Candidates compiled ahead on a GPU, whose driver compiles on the CPU meanwhile; a software adapter runs there too. */
const AHEAD = 3;

/**
 * The roofline of the algorithm that needs the fewest operations: no candidate can be faster. How fast matrix units are
 * is not measured: with them, only memory bounds.
 */
export function leastSeconds({ flops, bytes, leastFlops }: Cost, { exact, matrix }: Limits, peaks: Peaks): number {
  const least = matrix !== undefined ? 0 : exact ? flops : leastFlops ?? flops;
  return roofline({ flops: least, bytes }, peaks).seconds;
}

/** Measures candidates of the ops of a program, within a budget, and puts what it learns into the cache. */
export async function tuneOps(
  context: Context,
  ops: readonly Op[],
  cache: TuneCache,
  { stop, onCandidate, spent, ...budget }: TuneOptions,
): Promise<readonly Outcome[]> {
  const now = () => performance.now() / 1000, start = now(), tasks = await tasksOf(ops, context.limits);
  return await searchTasks(tasks, { ...budget, spent: spent + now() - start }, {
    limits: context.limits,
    cache,
    openBench: (op, expired) => openBench(context, op, expired),
    floor: async ({ kernel, problem }) =>
      leastSeconds(kernel.cost(problem), context.limits, await measurePeaks(context)),
    ahead: context.limits.software ? 0 : AHEAD,
    now,
    stop,
    check: context.check,
    onCandidate,
  });
}

/** The winner of a task that may be used, or null: it must be offered, generated as it was measured, and still right. */
async function usableWinner(
  context: Context,
  cache: TuneCache,
  task: Task,
  { trusted, warn }: { readonly trusted: boolean; readonly warn: (message: string) => void },
): Promise<unknown> {
  const { op, candidates } = task, entry = await cache.read(task);
  if (entry === null || entry.winner === null || entry.expected === null) return null;
  const text = JSON.stringify(entry.winner), row = rowOf(entry, entry.winner);
  const candidate = candidates.find((each) => each.text === text);
  if (candidate === undefined || candidate === candidates[0] || row === undefined) return null;
  const stages = op.kernel.stages(op.problem, candidate.tuning);
  if (row.hash !== await stagesHash(stages)) return null;
  if (trusted) return candidate.tuning;
  const wrong = await recheck(context, op, stages, entry.expected);
  if (wrong === null) return candidate.tuning;
  warn(`The tuning ${text} of ${op.label}, measured before, now ${wrong}; the default is used`);
  const rejected = { ...row, status: "rejected" as const, reason: `when checked again: ${wrong}`, seconds: null };
  await cache.write(task, { ...entry, winner: null, rows: mergedRows(entry.rows, [rejected]) });
  return null;
}

/**
 * Uses the winners in the cache, each checked once before its first use, and defaults where there is none. `trusted`
 * holds the keys of tasks that were measured just now.
 */
export function cachedTuner(
  context: Context,
  cache: TuneCache,
  warn: (message: string) => void,
  trusted: ReadonlySet<string> = new Set(),
): Tuner {
  const winners = new Map<string, Promise<unknown>>();
  return {
    async choose(op) {
      const task = await taskOf(op, context.limits);
      if (task === null) return defaultTuning(op, context.limits);
      const { key } = task;
      if (!winners.has(key)) {
        winners.set(key, usableWinner(context, cache, task, { trusted: trusted.has(key), warn }));
      }
      return await winners.get(key) ?? defaultTuning(op, context.limits);
    },
  };
}

/** How long a tuner may measure, and what it tells meanwhile. */
export interface SearchTunerOptions {
  /** For all programs that the tuner prepares, together. */
  readonly budgetSeconds: number;
  /** Hears of a winner from the cache that turns out to be wrong. */
  readonly warn?: (message: string) => void;
  /** Asked between two candidates: end the search? */
  readonly stop?: () => boolean;
  /** Called before each candidate with what is known until then. */
  readonly onCandidate?: (task: Task, entry: Entry) => void;
  /** Called after each program with what was found and the seconds it took. */
  readonly onSearched?: (outcomes: readonly Outcome[], seconds: number) => void;
}

/**
 * Searches what the cache lacks before a program is compiled, then uses the winners. `openModel` and `compile` take it.
 *
 * @example
 * ```ts
 * const cache = await openTuneCache(device.scope, console.log);
 * const tuner = searchTuner(device, cache, { budgetSeconds: 60 }); // measures when something is compiled
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] }, { tuner });
 * ```
 */
export function searchTuner(context: Context, cache: TuneCache, options: SearchTunerOptions): Tuner {
  const nothing = () => {}, { budgetSeconds, warn = nothing, onCandidate = nothing, onSearched = nothing } = options;
  const stop = options.stop ?? (() => false), measured = new Set<string>();
  let spent = 0;
  return {
    async prepare(ops) {
      const start = performance.now(), budget = { seconds: budgetSeconds, spent, again: false, onOutcome: () => {} };
      const outcomes = await tuneOps(context, ops, cache, { ...budget, stop, onCandidate });
      const seconds = (performance.now() - start) / 1000;
      spent += seconds;
      for (const outcome of outcomes) if (outcome.measured > 0) measured.add(outcome.task.key);
      onSearched(outcomes, seconds);
    },
    choose: cachedTuner(context, cache, warn, measured).choose,
  };
}
