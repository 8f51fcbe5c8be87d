/** `allcnn report`: the paper's tables with the results of runs beside them, as a page, as Markdown or as JSON. */
import { readShippedConfig } from "../configs/find.ts";
import { parseConfig } from "../configs/load.ts";
import type { Config } from "../configs/schema.ts";
import { oneLine, UserError } from "../core/host/errors.ts";
import { print, printError } from "../core/host/process.ts";
import { writeFile } from "../core/host/files.ts";
import { PAPER_CONFIGS } from "../report/paper_results.ts";
import type { Results } from "../report/result_tables.ts";
import { resultsMarkdown } from "../report/results_markdown.ts";
import { resultsPage } from "../report/results_page.ts";
import type { TrainedRun } from "../report/trained_run.ts";
import { parameterCount, readRun } from "../training/read_run.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { findRuns } from "./find_runs.ts";
import { type Output, PAGE, refuseOther } from "./replaceable.ts";

export const report: Command = {
  usage: {
    command: "report",
    positionals: ["RUNS..."],
    summary: "Writes the paper's tables with the errors of runs beside the paper's.",
    details: "RUNS are folders of runs, of sweeps, or folders that hold such folders.",
    options: [{
      name: "out",
      value: "FILE",
      help: "an .html page, Markdown as .md, or all rows as .json; default: runs/report.html",
    }],
  },
  run: reportCommand,
};

interface Writer extends Output {
  readonly write: (results: Results) => string;
}

const HTML: Writer = { ...PAGE, write: resultsPage };
const MARKDOWN: Writer = { what: "report", starts: /^# The All Convolutional Net: results\n/, write: resultsMarkdown };

/** One object with a key `runs`, of what was read. */
const JSON_FILE: Writer = {
  what: "report",
  starts: /^\{\n "runs":/,
  write: ({ runs, warnings }) => `${JSON.stringify({ runs, warnings }, null, 1)}\n`,
};

/** By the end of the file's name. */
const WRITERS: Readonly<Record<string, Writer>> = {
  html: HTML,
  htm: HTML,
  md: MARKDOWN,
  markdown: MARKDOWN,
  json: JSON_FILE,
};

async function reportCommand(args: Arguments): Promise<number> {
  const out = args.text("out") ?? "runs/report.html", ending = /\.([^./]+)$/.exec(out)?.[1]?.toLowerCase() ?? "";
  const writer = Object.hasOwn(WRITERS, ending) ? WRITERS[ending] : undefined;
  if (writer === undefined) {
    throw new UserError(`Cannot write "${out}": --out expects a name that ends with .html, .md or .json`);
  }
  await refuseOther(out, writer);

  const warnings: string[] = [];
  const warn = (message: string) => {
    warnings.push(oneLine(message));
    printError(`allcnn: ${oneLine(message)}`);
  };
  const original = originalConfigs();
  const runs: TrainedRun[] = [];
  for (const { folder, note } of await findRuns(args.positionals(0), warn)) {
    try {
      runs.push(await readRun(folder, note, original, warn));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      warn(`"${folder}" is left out: ${error.message}`);
    }
  }
  if (runs.length === 0) throw new UserError("Cannot write a report: none of the runs can be read");
  const parameters: Record<string, number> = {};
  for (const name of PAPER_CONFIGS) {
    const config = await original(name);
    if (config !== null) parameters[name] = parameterCount(config);
  }
  await writeFile(out, writer.write({ runs, parameters, warnings }));
  const finished = runs.filter(({ state }) => state === "finished").length;
  print(`Written: ${out} (${runs.length} ${runs.length === 1 ? "run" : "runs"}, ${finished} finished)`);
  return 0;
}

/** The config of a name that comes with allcnn, or null; each is read once. */
function originalConfigs(): (name: string) => Promise<Config | null> {
  const known = new Map<string, Promise<Config | null>>();
  const read = async (name: string) => {
    const text = await readShippedConfig(name);
    return text === null ? null : parseConfig(text, `${name}.yaml`);
  };
  return (name) => {
    const config = known.get(name) ?? read(name);
    known.set(name, config);
    return config;
  };
}
