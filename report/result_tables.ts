/** The paper's tables with our results beside them, as cells that HTML and Markdown both print. */
import {
  CERTAINTY_NOTES,
  IMAGENET,
  PAPER_CONFIGS,
  type PaperBlock,
  type PaperResult,
  TABLE_3,
  TABLE_4,
} from "./paper_results.ts";
import {
  byHeldOutError,
  byTestError,
  deviation,
  finalError,
  isRepeat,
  mean,
  type Outcome,
  type Setting,
  settingsOf,
  type TrainedRun,
} from "./trained_run.ts";

export interface Cell {
  readonly text: string;
  /** Further lines, in small print. */
  readonly small?: readonly string[];
  /** Explained below the table. */
  readonly footnotes?: readonly string[];
}

export interface Block {
  /** A heading above the rows, or null. */
  readonly title: string | null;
  readonly rows: readonly (readonly Cell[])[];
}

export interface Table {
  readonly title: string;
  readonly about: string;
  readonly head: readonly string[];
  /** Columns of words, to the left; numbers are to the right. */
  readonly words: readonly string[];
  readonly blocks: readonly Block[];
}

/** What a report is made of. */
export interface Results {
  readonly runs: readonly TrainedRun[];
  /** The parameters, weights and biases, of the configs that come with allcnn, by name. */
  readonly parameters: Readonly<Record<string, number>>;
  /** What could not be read, a line each. */
  readonly warnings: readonly string[];
}

/** Not run, or not known. */
const NOTHING: Cell = { text: "—" };
/** Nothing belongs here. */
const BLANK: Cell = { text: "" };

export const percent = (error: number) => `${error.toFixed(2)} %`;
const count = (value: number) => value.toLocaleString("en-US");
const plural = (value: number, noun: string) => `${value} ${noun}${value === 1 ? "" : "s"}`;
export const rateText = (rate: number) => String(Number(rate.toPrecision(6)));

/** "9.31 ± 0.12 %" */
function errorText(errors: readonly number[]): string {
  const spread = deviation(errors);
  return spread === null ? percent(mean(errors)) : `${mean(errors).toFixed(2)} ± ${spread.toFixed(2)} %`;
}

/** The paper's tables, then what runs there are beside these. */
export function resultTables({ runs, parameters }: Results): Table[] {
  const settings = inOrder(runs), heldOut = runs.some(({ measures }) => measures === "heldOut");
  const chosen = (config: string) => settingFor(config, settings);
  const head = (first: string, paper: boolean) => [
    first,
    ...paper ? ["Paper"] : [],
    "Ours",
    "Rate",
    ...heldOut ? ["Held out", "Rate"] : [],
    "Seeds",
    "Epochs",
    ...paper ? ["Paper’s parameters"] : [],
    "Our parameters",
  ];
  const block = ({ title, rows }: PaperBlock): Block => ({
    title,
    rows: rows.map((row) => paperRow(row, row.config === null ? null : chosen(row.config), parameters, heldOut)),
  });
  const shown = new Set(
    [TABLE_3, TABLE_4, IMAGENET].flat().flatMap(({ rows }) => rows).map(({ config }) => config)
      .flatMap((config) => config === null ? [] : chosen(config) ?? []),
  );
  const rest = settings.filter((setting) => !shown.has(setting));
  const others: Table = {
    title: "Other runs",
    about: "Not in the tables above: other networks, other settings.",
    head: head("Config", false),
    words: ["Config"],
    blocks: [{ title: null, rows: rest.map((setting) => [nameCell(setting), ...ownCells(setting, heldOut)]) }],
  };
  return [
    {
      title: "Table 3",
      about: "CIFAR-10 without data augmentation: test error of three base models and of what was derived from them.",
      head: head("Model", true),
      words: ["Model"],
      blocks: TABLE_3.map(block),
    },
    {
      title: "Table 4",
      about: "Test error on CIFAR-10 and CIFAR-100, beside that of other methods.",
      head: head("Method", true),
      words: ["Method"],
      blocks: TABLE_4.map(block),
    },
    {
      title: "ImageNet",
      about: "Section 3.2.3: top-1 error on the middle 224x224 pixels of the validation images.",
      head: head("Method", true),
      words: ["Method"],
      blocks: IMAGENET.map(block),
    },
    ...rest.length > 0 ? [others] : [],
  ];
}

/** The settings of runs: those of the paper's configs first, in its order. */
export function inOrder(runs: readonly TrainedRun[]): Setting[] {
  const place = ({ config, foreign }: Setting) =>
    PAPER_CONFIGS.includes(config) && !foreign ? PAPER_CONFIGS.indexOf(config) : PAPER_CONFIGS.length;
  return settingsOf(runs).sort((a, b) => place(a) - place(b));
}

/** Of the settings of one of the paper's configs: finished before unfinished, the paper's own first, then the longest. */
function settingFor(config: string, settings: readonly Setting[]): Setting | null {
  const rank = (setting: Setting) => [
    Number(byTestError(setting) !== null),
    Number(setting.differences.length === 0),
    Math.max(...setting.runs.map(({ rows }) => rows.at(-1)?.epoch ?? 0)),
  ];
  const compare = (a: readonly number[], b: readonly number[]) =>
    b.map((value, i) => value - a[i]!).find((difference) => difference !== 0) ?? 0;
  const own = settings.filter((setting) => setting.config === config && !setting.foreign);
  return own.sort((a, b) => compare(rank(a), rank(b)))[0] ?? null;
}

function paperRow(
  paper: PaperResult,
  setting: Setting | null,
  parameters: Results["parameters"],
  heldOut: boolean,
): Cell[] {
  const { method, config, testError, errorIs, parametersAre } = paper;
  const notes = (certainty: PaperResult["errorIs"]) => ({ footnotes: [CERTAINTY_NOTES[certainty] ?? []].flat() });
  const name: Cell = { text: method, ...config !== null && { small: [config] } };
  const error: Cell = { text: `${testError} %`, ...notes(errorIs) };
  const printed: Cell = paper.parameters === null ? BLANK : { text: paper.parameters, ...notes(parametersAre) };
  if (config === null) {
    const blanks = Array.from({ length: heldOut ? 6 : 4 }, () => BLANK);
    return [name, error, ...blanks, printed, BLANK];
  }
  const own = setting === null ? noCells(heldOut, parameters[config] ?? null) : ownCells(setting, heldOut);
  return [name, error, ...own.slice(0, -1), printed, own.at(-1)!];
}

/** The cells behind a name where nothing was run; parameters last. */
function noCells(heldOut: boolean, parameters: number | null): Cell[] {
  const nothing = Array.from({ length: heldOut ? 6 : 4 }, () => NOTHING);
  return [...nothing, parameters === null ? NOTHING : { text: count(parameters) }];
}

const nameCell = ({ config, differences }: Setting): Cell => ({ text: config, small: shortened(differences) });

/** Another network may differ in dozens of values. */
const MOST_DIFFERENCES = 4;

/** The first differences, and how many more there are. */
export function shortened(differences: readonly string[]): string[] {
  const more = differences.length - MOST_DIFFERENCES;
  return more <= 0 ? [...differences] : [...differences.slice(0, MOST_DIFFERENCES), `${more} more`];
}

/** The cells behind a name: ours, rate, held out, rate, seeds, epochs, parameters. */
function ownCells(setting: Setting, heldOut: boolean): Cell[] {
  const best = byTestError(setting), sound = byHeldOutError(setting), { runs, differences, foreign } = setting;
  const footnotes = differences.length === 0 || foreign
    ? []
    : [`Not the setting of the paper's config: ${shortened(differences).join("; ")}`];
  return [
    { ...outcomeCell(best), small: pending(runs, "test"), footnotes },
    rateCell(best),
    ...heldOut ? [{ ...outcomeCell(sound), small: pending(runs, "heldOut") }, rateCell(sound)] : [],
    best === null ? NOTHING : { text: String(best.errors.length) },
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

const progressOf = ({ rows, epochs }: TrainedRun) =>
  `${rows.at(-1)?.epoch ?? 0}${epochs === null ? "" : ` of ${epochs}`}`;

/** Every run, one a row. */
export function runsTable({ runs: all }: Results): Table {
  const runs = inOrder(all).flatMap((setting) => setting.runs.map((run) => ({ run, repeat: isRepeat(run, setting) })));
  return {
    title: "All runs",
    about: `${plural(runs.length, "run")}. The error is that after the last epoch so far.`,
    head: ["Run", "Config", "Rate", "Seed", "Epochs", "Error", "of", "State"],
    words: ["Run", "Config", "of", "State"],
    blocks: [{
      title: null,
      rows: runs.map(({ run, repeat }) => {
        const error = run.rows.at(-1)?.testError ?? null;
        return [
          { text: run.folder },
          { text: run.config, ...run.differences.length > 0 && { small: shortened(run.differences) } },
          { text: rateText(run.learningRate) },
          run.seed === null ? NOTHING : { text: String(run.seed) },
          { text: progressOf(run) },
          error === null ? NOTHING : { text: percent(error) },
          { text: run.measures === "test" ? "test" : "held out" },
          {
            text: run.state,
            small: [...run.reason === null ? [] : [run.reason], ...repeat ? ["the same seed again: not counted"] : []],
          },
        ];
      }),
    }],
  };
}

/** How to read the tables. */
export const METHOD = [
  "An error is that after the last epoch, never the best epoch's. Means and deviations are over seeds; the deviation is " +
  "the sample deviation (n - 1 in the denominator), in percentage points. Runs that are unfinished, diverged or " +
  "failed are in no mean.",
  "Ours: of the learning rates tried, in small print where there are several, the one with the lowest mean test error, as " +
  "the paper seems to have chosen. That choice has seen the test images. A rate at which a seed diverged or failed comes " +
  "after all others.",
  "Held out: the learning rate with the lowest mean error on training images held out, then the test error of the network " +
  "trained with that rate on all training images.",
];
