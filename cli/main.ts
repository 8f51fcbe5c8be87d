/** The `allcnn` program: the first argument names the command. */
import { UserError } from "../core/host/errors.ts";
import { didYouMean } from "../core/kinds/nearest.ts";
import { print } from "../core/host/process.ts";
import manifest from "../package.json" with { type: "json" };
import { helpText } from "./arguments.ts";
import { augment } from "./augment.ts";
import { bench } from "./bench.ts";
import { configs } from "./configs.ts";
import { evaluate } from "./evaluate.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { type Command, runCommand } from "./command.ts";
import { look } from "./look.ts";
import { predict } from "./predict.ts";
import { report } from "./report.ts";
import { serve } from "./serve.ts";
import { show } from "./show.ts";
import { sweep } from "./sweep.ts";
import { train } from "./train.ts";
import { tune } from "./tune.ts";
import { visualize } from "./visualize.ts";

const help: Command = {
  usage: {
    command: "help",
    positionals: ["COMMAND?"],
    summary: "Lists the commands, or the options of one.",
    options: [{ name: "version", value: null, help: "print the version" }],
  },
  run(args) {
    const name = args.positional(0);
    if (args.flag("version")) print(`allcnn ${manifest.version}`);
    else print(name === null ? commandList() : helpText(commandOf(name).usage));
    return Promise.resolve(0);
  },
};

const COMMANDS: Readonly<Record<string, Command>> = {
  configs,
  show,
  train,
  evaluate,
  predict,
  visualize,
  serve,
  augment,
  bench,
  tune,
  sweep,
  report,
  export: exportCommand,
  import: importCommand,
  look,
  help,
};

/** A line per command. */
function commandList(): string {
  const list = Object.entries(COMMANDS).map(([name, { usage }]) => `  allcnn ${name.padEnd(10)} ${usage.summary}`);
  return `${list.join("\n")}\n\nallcnn help COMMAND, or allcnn COMMAND --help, lists its options; allcnn --version.`;
}

/** The command of a name. Throws `UserError` where there is none. */
function commandOf(name: string): Command {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name]!;
  const known = Object.keys(COMMANDS), meant = didYouMean(name, known);
  throw new UserError(
    `Unknown command "${name}"${meant === "" ? ", expected" : `${meant} There are`} ${known.join(", ")}`,
  );
}

/** What is asked for without a command, as the command that answers it. */
const WITHOUT_COMMAND: Readonly<Record<string, readonly string[]>> = {
  "--help": ["help"],
  "-h": ["help"],
  "--version": ["help", "--version"],
  "-v": ["help", "--version"],
  "-V": ["help", "--version"],
};

export async function main(given: readonly string[]): Promise<never> {
  const first = given[0] ?? "--help";
  const [name, ...args] = Object.hasOwn(WITHOUT_COMMAND, first) ? WITHOUT_COMMAND[first]! : given;
  if (Object.hasOwn(COMMANDS, name!)) return await runCommand(COMMANDS[name!]!, args);
  return await runCommand(help, [name!]); // tells that there is none of that name
}
