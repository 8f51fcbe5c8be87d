/** Tunes programs: shares a budget among their tasks; and the tuners that use what the cache knows. */
import type { Context } from "./device.ts";
import type { Op } from "./op.ts";
import { openBench, recheck } from "./tune_bench.ts";
import type { TuneCache } from "./tune_cache.ts";
import { defaultRow, emptyEntry, type Entry, nearRoofline, rowOf, settled, timedRows, untried } from "./tune_entry.ts";
import { type Found, freshEntry, type SearchOptions, searchTask } from "./tune_search.ts";
import { stagesHash, type Task, taskOf, tasksOf } from "./tune_task.ts";
import { defaultTuning, type Tuner } from "./tuner.ts";

/** What is known of a task after a search. */
export interface Outcome extends Found {
  readonly task: Task;
  readonly floorSeconds: number;
}

export interface Budget {
  /** Seconds for the whole search. */
  readonly seconds: number;
  /** Go on with tasks that an earlier search, with as large a budget, left unfinished? */
  readonly again: boolean;
  /** Called when a task was searched, or needs none. */
  readonly onOutcome: (outcome: Outcome) => void;
}

/** Opening a bench runs the reference a few times; it is likely far from the roofline. Only a first guess. */
const OPENING = { seconds: 0.1, floors: 30 };

/** Is there something left to find out? */
function hasWork({ task, entry, floorSeconds }: Outcome): boolean {
  return (untried(task, entry).length > 0 && !nearRoofline(entry, floorSeconds)) || !settled(entry);
}

/** Did a search with as large a budget see these candidates, and is what it chose still valid? */
function wasSearched(task: Task, stored: Entry, fresh: Entry, { seconds }: Budget): boolean {
  return stored.offered === task.offered && stored.budgetSeconds >= seconds &&
    (stored.winner === null || fresh.winner !== null);
}

/** Seconds of a step that a better tuning may save, at most; for an unknown task, all that it takes at least. */
function potential({ task, entry, floorSeconds }: Outcome): number {
  const best = timedRows(entry)[0]?.seconds;
  return task.labels.length * (best === undefined ? floorSeconds : Math.max(best - floorSeconds, 0.05 * best));
}

/**
 * Searches tasks until the budget is used up: those first that may save most, each with its share of what is left.
 * What one leaves over goes to the others, in further passes too. Never starts what is expected to exceed the budget.
 */
export async function searchTasks(
  tasks: readonly Task[],
  budget: Budget,
  options: SearchOptions,
): Promise<readonly Outcome[]> {
  const { cache, now } = options, start = now(), end = start + budget.seconds;
  const outcomes: Outcome[] = [], waiting = new Set<number>();
  for (const task of tasks) {
    const stored = await cache.read(task), empty = emptyEntry(task, cache.scope);
    const fresh = stored === null ? empty : await freshEntry(task, stored);
    const known: Outcome = { task, entry: fresh, floorSeconds: options.floor(task.op), measured: 0, note: "" };
    const done = !hasWork(known) || (!budget.again && stored !== null && wasSearched(task, stored, fresh, budget));
    if (!done) waiting.add(outcomes.length);
    else budget.onOutcome(known);
    // Only what this search may change is marked as seen with its budget.
    const seconds = done ? fresh.budgetSeconds : Math.max(fresh.budgetSeconds, budget.seconds);
    outcomes.push({ ...known, entry: { ...fresh, offered: task.offered, budgetSeconds: seconds } });
  }
  let openingSeconds: number | null = null;
  for (let progress = true; progress && !options.stop();) {
    progress = false;
    const pass = [...waiting].filter((index) => hasWork(outcomes[index]!))
      .sort((a, b) => potential(outcomes[b]!) - potential(outcomes[a]!));
    for (const [place, index] of pass.entries()) {
      const outcome = outcomes[index]!, { task, floorSeconds } = outcome, left = end - now();
      const opening: number = Math.min(openingSeconds ?? Infinity, OPENING.seconds + OPENING.floors * floorSeconds);
      if (options.stop() || left < opening) continue;
      const weights = pass.slice(place).map((each) => potential(outcomes[each]!));
      const share = left * weights[0]! / weights.reduce((sum, each) => sum + each, 0), before = now();
      const found = await searchTask(task, outcome.entry, { task: before + share, whole: end }, options);
      if (found.measured > 0) openingSeconds = (now() - before) / (found.measured + 1);
      progress ||= found.measured > 0;
      outcomes[index] = { ...outcome, ...found, measured: outcome.measured + found.measured };
      budget.onOutcome(outcomes[index]);
    }
  }
  for (const index of waiting) {
    const { task, entry, measured } = outcomes[index]!;
    // So that a search with the same budget does not begin again.
    if (measured === 0 && !options.stop()) await cache.write(task, entry);
  }
  return outcomes;
}
