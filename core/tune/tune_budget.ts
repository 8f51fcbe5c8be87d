/** Shares a budget among the tasks of a program, so that the search spends it where most can be won. */
import { emptyEntry, type Entry, nearRoofline, settled, timedRows, untried, winnerOf } from "./tune_entry.ts";
import { INTERRUPTED, OUT_OF_BUDGET, type Outcome, type SearchOptions, searchTask } from "./tune_search.ts";
import { CAUTION, freshEntry, type Pace } from "./tune_stages.ts";
import type { Task } from "./tune_task.ts";

export interface Budget {
  /** Seconds for the whole search, of which `spent` were used before. */
  readonly seconds: number;
  readonly spent: number;
  /** Go on with tasks that an earlier search, with as large a budget, left unfinished? */
  readonly again: boolean;
  /** Called when a task was searched, or needs no search; again where a later pass went on with it. */
  readonly onOutcome: (outcome: Outcome) => void;
}

/** A task with work left, and the least seconds that its op takes. */
interface Waiting {
  outcome: Outcome;
  readonly floorSeconds: number;
}

/**
 * A guess of the seconds until a task's default is timed, before any was: compiling, and a few runs of reference and
 * default, far from the roofline. What earlier tasks took corrects it.
 */
const openingGuess = (floorSeconds: number) => 0.1 + 30 * floorSeconds;

/**
 * Attempts that a task may make at least, in units of its first: where compiling is dear, knowing a few candidates of
 * one op is worth more than knowing the defaults of many.
 */
const LEAST_ATTEMPTS = 4;

/** Is there something left to find out? */
function hasWork({ outcome: { task, entry, openingSeconds }, floorSeconds }: Waiting): boolean {
  // Checked, or there was no time for that in this search.
  const checked = JSON.stringify(winnerOf(task, entry)) === JSON.stringify(entry.winner) || openingSeconds !== null;
  return (untried(task, entry).length > 0 && !nearRoofline(entry, floorSeconds)) || !settled(entry) || !checked;
}

/** Did a search with as large a budget see these candidates, and is all that it measured still valid? */
function wasSearched(task: Task, stored: Entry, fresh: Entry, { seconds }: Budget): boolean {
  return stored.offered === task.offered && stored.budgetSeconds >= seconds && fresh.rows.length === stored.rows.length;
}

/** Seconds of a step that a better tuning may save, at most; for an unknown task, all that it takes at least. */
function potential({ outcome: { task, entry }, floorSeconds }: Waiting): number {
  const best = timedRows(entry)[0]?.seconds;
  return task.labels.length * (best === undefined ? floorSeconds : Math.max(best - floorSeconds, 0.05 * best));
}

/**
 * Searches tasks until the budget is used up: those first that may save most, each with its share of what is left.
 * What one leaves over goes to the others, in further passes too; where all shares are too small for one more
 * candidate, the first may use what is left. Nothing is started that is expected to exceed the budget. Returns the
 * outcomes in the order of the tasks.
 */
export async function searchTasks(
  tasks: readonly Task[],
  budget: Budget,
  options: SearchOptions,
): Promise<readonly Outcome[]> {
  const { cache, now, stop } = options, end = now() + budget.seconds - budget.spent;
  const outcomes = new Map<Task, Outcome>(), waiting: Waiting[] = [];
  const finish = (outcome: Outcome) => {
    outcomes.set(outcome.task, outcome);
    budget.onOutcome(outcome);
  };
  /** Records that a search with this budget has nothing left to do here, so that the next start need not look again. */
  const markSeen = async (entry: Entry, task: Task) => {
    await cache.write(task, { ...entry, budgetSeconds: Math.max(entry.budgetSeconds, budget.seconds) });
  };
  for (const task of tasks) {
    const stored = await cache.read(task);
    const fresh = stored === null ? emptyEntry(task, cache.scope) : await freshEntry(task, stored);
    const known: Outcome = { task, entry: fresh, measured: 0, note: "", openingSeconds: null };
    outcomes.set(task, known);
    if (stored !== null && fresh.rows.length < stored.rows.length) {
      await cache.remove(task); // writing alone would keep the rows that say nothing any more
      await cache.write(task, { ...fresh, budgetSeconds: 0 });
    }
    const searched = !budget.again && stored !== null && wasSearched(task, stored, fresh, budget);
    const entry = { ...fresh, offered: task.offered };
    const each = searched ? null : { outcome: { ...known, entry }, floorSeconds: await options.floor(task.op) };
    if (each !== null && hasWork(each)) {
      waiting.push(each);
      continue;
    }
    finish(known);
    if (each !== null) await markSeen(entry, task);
  }
  let correction = 1, pace: readonly Pace[] = [];
  for (let shares = true; !stop();) {
    let progress = false;
    const pass = waiting.filter(hasWork).sort((a, b) => potential(b) - potential(a));
    for (const [place, each] of pass.entries()) {
      const { outcome, floorSeconds } = each, before = now(), left = end - before;
      if (stop() || left < CAUTION * correction * openingGuess(floorSeconds)) continue;
      const weights = pass.slice(place).map(potential);
      const least = LEAST_ATTEMPTS * correction * openingGuess(floorSeconds);
      const fair = Math.max(least, left * weights[0]! / weights.reduce((sum, weight) => sum + weight, 0));
      const share = shares ? Math.min(left, fair) : left;
      const allowance = { taskEnd: before + share, wholeEnd: end, pace };
      const { pace: seen, ...found } = await searchTask(outcome.task, outcome.entry, allowance, options);
      pace = seen;
      if (found.openingSeconds !== null) correction = found.openingSeconds / openingGuess(floorSeconds);
      progress ||= found.measured > 0;
      each.outcome = { ...outcome, ...found, measured: outcome.measured + found.measured };
      finish(each.outcome);
    }
    if (!progress && !shares) break;
    shares &&= progress;
  }
  for (const { outcome } of waiting) {
    const { task, entry, note } = outcome, reason = stop() ? INTERRUPTED : OUT_OF_BUDGET;
    if (entry.rows.length === 0) outcomes.set(task, { ...outcome, note: note || reason });
    // What was not reached counts as seen too, for as long as the budget is no larger.
    if (entry.budgetSeconds < budget.seconds && !stop()) await markSeen(entry, task);
  }
  return tasks.map((task) => outcomes.get(task)!);
}
