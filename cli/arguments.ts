/** Command lines: options declared once, for parsing and for --help. */
import { parseArgs } from "node:util";
import { UserError } from "../core/host/errors.ts";
import { didYouMean } from "../core/kinds/nearest.ts";

/** An option `--name VALUE`, or a flag where `value` is null. */
export interface Option {
  readonly name: string;
  readonly value: string | null;
  readonly help: string;
  readonly repeat?: boolean;
}

export interface Usage {
  /** What is typed before the command; `allcnn` if left out. */
  readonly program?: string;
  readonly command: string;
  /**
   * Names of the positional arguments; a trailing "?" makes one optional, "..." at the last takes one or more, "...?"
   * any number.
   */
  readonly positionals: readonly string[];
  /** What the first is if it is left out. */
  readonly otherwise?: string;
  readonly summary: string;
  /** Further lines for --help. */
  readonly details?: string;
  readonly options: readonly Option[];
}

export const CONFIG_DETAILS =
  "CONFIG is a YAML file, or the name of a config that comes with allcnn: quickstart, allcnn-c.";

const TRAINED_DETAILS =
  "RUN_OR_CHECKPOINT is the folder of a run, a safetensors file, or demo: the trained network that comes with allcnn.";

/** Changes the config of commands that take one; `args.list("set")` are the settings of `loadConfig`. */
export const SET_OPTION: Option = {
  name: "set",
  value: "path=value",
  help: "change a value of the config, as training.batch=64",
  repeat: true,
};

export interface Arguments {
  /** The n-th positional argument, or null. */
  positional(index: number): string | null;
  /** The positional arguments from the n-th on. */
  positionals(from: number): readonly string[];
  text(name: string): string | null;
  list(name: string): readonly string[];
  flag(name: string): boolean;
  /** One of a few words, or null. Throws `UserError` on another. */
  word<Word extends string>(name: string, words: readonly Word[]): Word | null;
  /** A whole number of at least `min`, or null. */
  integer(name: string, min: number): number | null;
}

/** What every command with options takes besides its own. */
const COMMON: readonly Option[] = [
  { name: "quiet", value: null, help: "no progress and no remarks: results and errors alone" },
];

/** The options of a command, those of all commands last. */
const optionsOf = ({ options }: Usage): readonly Option[] => options.length === 0 ? [] : [...options, ...COMMON];

export function helpText(usage: Usage): string {
  const { program = "allcnn", command, positionals, summary, details } = usage, options = optionsOf(usage);
  const names = options.map(({ name, value }) => `--${name}${value === null ? "" : ` ${value}`}`);
  const width = Math.max(...names.map((name) => name.length));
  const lines = options.map(({ help }, index) => `  ${names[index]!.padEnd(width)}  ${help}`);
  const places = positionals.map((name) => name.endsWith("?") ? `[${name.slice(0, -1)}]` : name).join(" ");
  const trained = positionals.some((name) => name.startsWith("RUN_OR_CHECKPOINT")) ? TRAINED_DETAILS : undefined;
  const about = [summary, details, trained].filter((part) => part !== undefined).join("\n\n");
  const typed = [program, command, places, lines.length === 0 ? "" : "[options]"].filter((part) => part !== "").join(
    " ",
  );
  return [about, `Usage: ${typed}`, ...(lines.length === 0 ? [] : [lines.join("\n")])].join("\n\n");
}

/** What is said of an option that there is not, with the one that is most likely meant; null of other mistakes. */
function unknownOption(text: string, usage: Usage, args: readonly string[], hint: string): string | null {
  const found = /^Unknown option '(-[^']+)'/.exec(text)?.[1];
  if (found === undefined) return null;
  // Of `-epochs` the parser names `-e` alone.
  const typed = args.map((each) => each.split("=")[0]!)
    .find((each) => each === found || /^-[^-]/.test(found) && each.startsWith(found)) ?? found;
  const meant = didYouMean(typed.replace(/^-+/, ""), [...optionsOf(usage).map(({ name }) => name), "help"]);
  const best = meant.replace("mean ", "mean --");
  return meant === "" ? `Unknown option '${typed}'${hint}` : `Unknown option '${typed}'${best} ${hint.slice(2)}`;
}

/** Parses a command line, or returns null where it asks for --help. Throws `UserError` on anything undeclared. */
export function parseArguments(usage: Usage, args: readonly string[]): Arguments | null {
  const hint = `; ${usage.program ?? "allcnn"} ${usage.command} --help lists the options`;
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...Object.fromEntries(
          optionsOf(usage).map(({ name, value, repeat = false }) => [
            name,
            { type: value === null ? "boolean" as const : "string" as const, multiple: repeat },
          ]),
        ),
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    const text = (error as Error).message.split("\n")[0]!.split(". ")[0]!.replace(/\.$/, "");
    throw new UserError(unknownOption(text, usage, args, hint) ?? `${text}${hint}`);
  }
  const { positionals } = parsed, values: Readonly<Record<string, unknown>> = parsed.values;
  if (values["help"] === true) return null;
  const required = usage.positionals.filter((name) => !name.endsWith("?"));
  if (positionals.length < required.length) {
    throw new UserError(`${required[positionals.length]!.replace("...", "")} is missing${hint}`);
  }
  const several = /\.\.\.\??$/.test(usage.positionals.at(-1) ?? "");
  if (positionals.length > usage.positionals.length && !several) {
    throw new UserError(`Unexpected argument "${positionals[usage.positionals.length]}"${hint}`);
  }
  const text = (name: string) => values[name] as string | undefined ?? null;
  return {
    positional: (index) => positionals[index] ?? (index === 0 ? usage.otherwise : undefined) ?? null,
    positionals: (from) => positionals.slice(from),
    text,
    list: (name) => values[name] as string[] | undefined ?? [],
    flag: (name) => values[name] === true,
    word(name, words) {
      const value = text(name), word = words.find((each) => each === value);
      if (value === null || word !== undefined) return word ?? null;
      const known = [...words.length > 1 ? [words.slice(0, -1).join(", ")] : [], words.at(-1)].join(" or ");
      throw new UserError(`--${name} expects ${known}, got "${value}"`);
    },
    integer(name, min) {
      const value = text(name);
      if (value === null) return null;
      if (!/^-?\d+$/.test(value) || Number(value) < min || !Number.isSafeInteger(Number(value))) {
        throw new UserError(`--${name} expects a whole number of at least ${min}, got "${value}"`);
      }
      return Number(value);
    },
  };
}
