/** `allcnn configs`: the configs that come along, a line each. */
import { readShippedConfig, shippedConfigs } from "../configs/find.ts";
import { parseConfig } from "../configs/load.ts";
import { UserError } from "../core/host/errors.ts";
import { print } from "../core/host/process.ts";
import { alignColumns } from "../report/op_table.ts";
import { count } from "../report/setting_cells.ts";
import { parameterCount } from "../training/read_run.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";

export const configs: Command = {
  usage: {
    command: "configs",
    positionals: [],
    summary: "Lists the configs that come along: every network of the paper, and smaller ones.",
    details: "Their names are what other commands take as CONFIG; their files lie in configs/.",
    options: [{
      name: "json",
      value: null,
      help: "print one JSON array: name, dataset, parameters, error of the paper, about",
    }],
  },
  run: configsCommand,
};

const HEAD = ["config", "data", "parameters", "paper's error", "what it is"];

interface ConfigRow {
  readonly name: string;
  readonly dataset: string;
  readonly parameters: number;
  /** In percent; null where the paper has none. */
  readonly paperError: number | null;
  readonly about: string;
}

async function configsCommand(args: Arguments): Promise<number> {
  const names = await shippedConfigs();
  if (names.length === 0) throw new UserError("Cannot list the configs: allcnn itself does not lie on this machine");
  const rows = await Promise.all(names.map(async (name): Promise<ConfigRow> => {
    const text = (await readShippedConfig(name))!,
      config = parseConfig(text, `${name}.yaml`),
      { paper, dataset } = config;
    const paperError = paper?.testError ?? null;
    return { name, dataset: dataset.name, parameters: parameterCount(config), paperError, about: aboutOf(text) };
  }));
  if (args.flag("json")) print(JSON.stringify(rows, null, 1));
  else print(alignColumns([HEAD, ...rows.map(cells)], [0, 1, 4]));
  return 0;
}

const cells = ({ name, dataset, parameters, paperError, about }: ConfigRow): string[] => [
  name,
  dataset,
  count(parameters),
  paperError === null ? "-" : `${paperError.toFixed(2)} %`,
  about,
];

/** Letters that leave a line short enough to read. */
const LONGEST = 64;

/** The first sentence of the comment that a config begins with, without what tells editors its schema. */
export function aboutOf(text: string): string {
  const lines = text.split("\n"), end = lines.findIndex((line) => !line.startsWith("#"));
  const comment = lines.slice(0, end).filter((line) => !line.includes("yaml-language-server"))
    .map((line) => line.replace(/^#\s*/, "")).join(" ");
  const [sentence] = comment.split(/\.(?:\s+(?=[A-Z])|$)/) as [string, ...string[]];
  return sentence.length <= LONGEST ? sentence : `${sentence.slice(0, LONGEST).replace(/[\s,:;]+\S*$/, "")} ...`;
}
