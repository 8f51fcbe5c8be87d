/** What a setting's runs say, as cells of a table. */
import type { Cell } from "./table.ts";
import {
  byHeldOutError,
  byTestError,
  deviation,
  finalError,
  mean,
  type Outcome,
  type Setting,
  type TrainedRun,
} from "./trained_run.ts";

/** Not run, or not known. */
export const NOTHING: Cell = { text: "—" };

export const percent = (error: number) => `${error.toFixed(2)} %`;
export const count = (value: number) => value.toLocaleString("en-US");
export const plural = (value: number, noun: string) => `${value} ${noun}${value === 1 ? "" : "s"}`;
export const rateText = (rate: number) => String(Number(rate.toPrecision(6)));

/** "9.31 ± 0.12 %" */
function errorText(errors: readonly number[]): string {
  const spread = deviation(errors);
  return spread === null ? percent(mean(errors)) : `${mean(errors).toFixed(2)} ± ${spread.toFixed(2)} %`;
}

/** Another network may differ in dozens of values. */
const MOST_DIFFERENCES = 4;

/** The first differences, and how many more there are. */
export function shortened(differences: readonly string[]): string[] {
  const more = differences.length - MOST_DIFFERENCES;
  return more <= 0 ? [...differences] : [...differences.slice(0, MOST_DIFFERENCES), `${more} more`];
}

/** The cells behind a name where nothing was run; parameters last. */
export function noCells(heldOut: boolean, parameters: number | null): Cell[] {
  const nothing = Array.from({ length: heldOut ? 6 : 4 }, () => NOTHING);
  return [...nothing, parameters === null ? NOTHING : { text: count(parameters) }];
}

/** The cells of a setting behind its name: ours, rate, held out and its rate if these are shown, seeds, epochs, parameters. */
export function ownCells(setting: Setting, heldOut: boolean): Cell[] {
  const best = byTestError(setting), sound = byHeldOutError(setting), { runs } = setting;
  const seeds = best?.errors.length ?? 0, soundSeeds = sound?.errors.length ?? 0;
  const unlike = soundSeeds > 0 && soundSeeds !== seeds ? [plural(soundSeeds, "seed")] : [];
  return [
    { ...outcomeCell(best), small: pending(runs, "test") },
    rateCell(best),
    ...heldOut ? [{ ...outcomeCell(sound), small: [...unlike, ...pending(runs, "heldOut")] }, rateCell(sound)] : [],
    seeds === 0 ? NOTHING : { text: String(seeds) },
    epochsCell(runs),
    { text: count(setting.parameters) },
  ];
}

function outcomeCell(outcome: Outcome | null): Cell {
  return outcome === null || outcome.errors.length === 0 ? NOTHING : { text: errorText(outcome.errors) };
}

function rateCell(outcome: Outcome | null): Cell {
  if (outcome === null) return NOTHING;
  const { learningRate, compared } = outcome;
  const small = compared.length === 1 ? [] : [`of ${compared.map(rateText).join(", ")}`];
  return { text: rateText(learningRate), small };
}

/** What is not in the mean. */
function pending(runs: readonly TrainedRun[], measures: TrainedRun["measures"]): string[] {
  return (["unfinished", "diverged", "failed"] as const).flatMap((state) => {
    const found = runs.filter((run) => run.state === state && run.measures === measures).length;
    return found === 0 ? [] : [`${found} ${state}`];
  });
}

function epochsCell(runs: readonly TrainedRun[]): Cell {
  const finished = runs.find((run) => finalError(run) !== null);
  if (finished !== undefined) return { text: String(finished.rows.at(-1)!.epoch) };
  const last = runs.reduce((a, b) => (b.rows.at(-1)?.epoch ?? 0) > (a.rows.at(-1)?.epoch ?? 0) ? b : a);
  return { text: progressOf(last) };
}

/** "120 of 350" */
export const progressOf = ({ rows, epochs }: TrainedRun) =>
  `${rows.at(-1)?.epoch ?? 0}${epochs === null ? "" : ` of ${epochs}`}`;
