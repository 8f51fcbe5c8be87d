/** A training as tables of results see it, and what several of the same setting say together. */
import type { EpochMetrics } from "./metrics.ts";

export interface TrainedRun {
  /** Names it in the report. */
  readonly folder: string;
  /** The name of its config. */
  readonly config: string;
  /** What differs from the config of that name that comes with allcnn, one entry per value: its setting. */
  readonly differences: readonly string[];
  /** Does the network itself, or the data set, differ? Then it is not one of the paper's. */
  readonly foreign: boolean;
  /** The learning rate that the schedule begins with. */
  readonly learningRate: number;
  /** Null where nothing tells. */
  readonly seed: number | null;
  readonly parameters: number;
  /** How many epochs it is to have, or null where the number of its images is unknown. */
  readonly epochs: number | null;
  readonly state: "finished" | "unfinished" | "diverged" | "failed";
  /** Why it diverged or failed, where that is known. */
  readonly reason: string | null;
  /** What its errors are of: `test`, trained on all training images, or `heldOut`, a part of these that it never saw. */
  readonly measures: "test" | "heldOut";
  readonly rows: readonly EpochMetrics[];
}

/** Runs that differ in learning rate and seed alone. */
export interface Setting {
  readonly config: string;
  readonly differences: readonly string[];
  readonly foreign: boolean;
  readonly parameters: number;
  readonly runs: readonly TrainedRun[];
}

/** Errors in percent at one learning rate, one per seed. */
export interface Outcome {
  readonly learningRate: number;
  /** All rates that were compared, the largest first. */
  readonly compared: readonly number[];
  /** Empty where the rate was chosen, but nothing trained with it on all images is finished. */
  readonly errors: readonly number[];
}

/** The error after the last epoch, the best one or not; null unless it is finished. */
export function finalError({ state, rows }: TrainedRun): number | null {
  return state === "finished" ? rows.at(-1)?.testError ?? null : null;
}

/** In the order in which the settings first appear. */
export function settingsOf(runs: readonly TrainedRun[]): Setting[] {
  const key = ({ config, differences }: TrainedRun) => JSON.stringify([config, differences]);
  return [...new Set(runs.map(key))].map((wanted) => {
    const same = runs.filter((run) => key(run) === wanted);
    const { config, differences, foreign, parameters } = same[0]!;
    return { config, differences, foreign, parameters, runs: same };
  });
}

/** Did an earlier run of the same setting, rate and purpose already finish with this seed? Then it says nothing new. */
export function isRepeat(run: TrainedRun, { runs }: Setting): boolean {
  const same = runs.find((other) =>
    other.seed === run.seed && other.learningRate === run.learningRate && other.measures === run.measures &&
    finalError(other) !== null
  );
  return run.seed !== null && finalError(run) !== null && same !== run;
}

/** Errors by rate, the largest rate first; rates at which nothing is finished are left out. */
function errorsByRate(setting: Setting, measures: TrainedRun["measures"]): Map<number, number[]> {
  const byRate = new Map<number, number[]>();
  for (const run of [...setting.runs].sort((a, b) => b.learningRate - a.learningRate)) {
    const error = finalError(run);
    if (run.measures !== measures || error === null || isRepeat(run, setting)) continue;
    byRate.set(run.learningRate, [...byRate.get(run.learningRate) ?? [], error]);
  }
  return byRate;
}

/** The rate with the lowest mean; null of none. */
function bestRate(byRate: ReadonlyMap<number, readonly number[]>): number | null {
  const rates = [...byRate].sort(([, a], [, b]) => mean(a) - mean(b));
  return rates[0]?.[0] ?? null;
}

/** What the paper seems to report: the rate with the lowest mean test error. Null where nothing is finished. */
export function byTestError(setting: Setting): Outcome | null {
  const test = errorsByRate(setting, "test"), learningRate = bestRate(test);
  if (learningRate === null) return null;
  return { learningRate, compared: [...test.keys()], errors: test.get(learningRate)! };
}

/** The sound protocol: the rate with the lowest mean error on held-out images, and the test errors of that rate. */
export function byHeldOutError(setting: Setting): Outcome | null {
  const heldOut = errorsByRate(setting, "heldOut"), learningRate = bestRate(heldOut);
  if (learningRate === null) return null;
  const errors = errorsByRate(setting, "test").get(learningRate) ?? [];
  return { learningRate, compared: [...heldOut.keys()], errors };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The sample deviation, with n - 1 in the denominator; null of fewer than two values. */
export function deviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const middle = mean(values), squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
