/** A training as tables of results see it, and what several of the same setting say together. */
import type { EpochMetrics, StepMetrics } from "./metrics.ts";

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
  /** What is known of its steps; empty for runs of older versions. */
  readonly stepRows: readonly StepMetrics[];
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

/** The rate with the lowest mean, with the rates it was compared with; null where nothing is finished. */
function choose(setting: Setting, measures: TrainedRun["measures"]): Omit<Outcome, "errors"> | null {
  const byRate = errorsByRate(setting, measures);
  // A rate at which a seed was lost comes after all others: the mean would leave that seed out.
  const lost = (rate: number) =>
    setting.runs.filter((run) =>
      run.learningRate === rate && run.measures === measures && (run.state === "diverged" || run.state === "failed")
    ).length;
  const [best] = [...byRate].sort(([a, ofA], [b, ofB]) => lost(a) - lost(b) || mean(ofA) - mean(ofB));
  return best === undefined ? null : { learningRate: best[0], compared: [...byRate.keys()] };
}

/** The errors of a choice by the errors in `measures`. */
function outcomeOf(setting: Setting, measures: TrainedRun["measures"]): Outcome | null {
  const choice = choose(setting, measures);
  return choice && { ...choice, errors: errorsByRate(setting, "test").get(choice.learningRate) ?? [] };
}

/** What the paper seems to report: the rate with the lowest mean test error. Null where nothing is finished. */
export const byTestError = (setting: Setting) => outcomeOf(setting, "test");

/** The sound protocol: the rate with the lowest mean error on held-out images, and the test errors of that rate. */
export const byHeldOutError = (setting: Setting) => outcomeOf(setting, "heldOut");

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The sample deviation, with n - 1 in the denominator; null of fewer than two values. */
export function deviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const middle = mean(values), squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
