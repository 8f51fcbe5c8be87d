/** Options that change what a config says. */
import { type Arguments, type Option, SET_OPTION } from "./arguments.ts";

/** Of a whole number each: what it is short for, and its least value. */
const SHORTHANDS: readonly (Option & { readonly path: string; readonly least: number })[] = [
  {
    name: "epochs",
    value: "N",
    help: "how many; of train, 0 writes the initial state",
    path: "training.epochs",
    least: 0,
  },
  { name: "train-examples", value: "N", help: "train on the first N only", path: "dataset.trainExamples", least: 1 },
  { name: "test-examples", value: "N", help: "evaluate on the first N only", path: "dataset.testExamples", least: 1 },
  {
    name: "evaluate-every",
    value: "N",
    help: "epochs from one evaluation to the next",
    path: "training.evaluateEvery",
    least: 1,
  },
];

/** `--set path=value`, and options that are short for it. */
export const SETTING_OPTIONS: readonly Option[] = [
  ...SHORTHANDS.map(({ name, value, help }) => ({ name, value, help })),
  SET_OPTION,
];

/** What those options ask for, as settings of a config; `--set` has the last word. */
export function settingsOf(args: Arguments): string[] {
  const short = SHORTHANDS.flatMap(({ name, path, least }) => {
    const value = args.integer(name, least);
    return value === null ? [] : [`${path}=${value}`];
  });
  return [...short, ...args.list("set")];
}
