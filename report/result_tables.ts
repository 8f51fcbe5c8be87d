/** The paper's tables with our results beside the paper's. */
import {
  CERTAINTY_NOTES,
  IMAGENET,
  PAPER_CONFIGS,
  type PaperBlock,
  type PaperResult,
  TABLE_3,
  TABLE_4,
} from "./paper_results.ts";
import { noCells, ownCells, shortened } from "./setting_cells.ts";
import type { Block, Cell, Table } from "./table.ts";
import { byTestError, type Setting, settingsOf, type TrainedRun } from "./trained_run.ts";

/** What a report is made of. */
export interface Results {
  readonly runs: readonly TrainedRun[];
  /** The parameters, weights and biases, of the configs that come with allcnn, by name. */
  readonly parameters: Readonly<Record<string, number>>;
  /** What could not be read, a line each. */
  readonly warnings: readonly string[];
}

/** Nothing belongs here. */
const BLANK: Cell = { text: "" };

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
  const differences = shortened(setting?.differences ?? []).join("; ");
  const footnotes = differences === "" ? [] : [`Not the setting of the paper's config: ${differences}`];
  return [name, error, { ...own[0]!, footnotes }, ...own.slice(1, -1), printed, own.at(-1)!];
}

const nameCell = ({ config, differences }: Setting): Cell => ({ text: config, small: shortened(differences) });

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
