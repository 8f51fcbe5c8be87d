/** The `allcnn` program: the first argument names the command. */
import { didYouMean } from "../core/kinds/nearest.ts";
import { exit, print, printError } from "../core/host/process.ts";
import { augment } from "./augment.ts";
import { bench } from "./bench.ts";
import { evaluate } from "./evaluate.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { type Command, runCommand } from "./command.ts";
import { predict } from "./predict.ts";
import { report } from "./report.ts";
import { serve } from "./serve.ts";
import { show } from "./show.ts";
import { sweep } from "./sweep.ts";
import { train } from "./train.ts";
import { tune } from "./tune.ts";
import { visualize } from "./visualize.ts";

const COMMANDS: Readonly<Record<string, Command>> = {
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
};

export async function main([name, ...args]: readonly string[]): Promise<never> {
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return await runCommand(command, args);
  const list = Object.entries(COMMANDS).map(([name, { usage }]) => `  allcnn ${name.padEnd(10)} ${usage.summary}`);
  if (name === undefined || name === "--help" || name === "-h") {
    print(`${list.join("\n")}\n\nallcnn COMMAND --help lists its options.`);
    exit(0);
  }
  const known = Object.keys(COMMANDS), meant = didYouMean(name, known);
  printError(
    `allcnn: Unknown command "${name}"${meant === "" ? ", expected" : `${meant} There are`} ${known.join(", ")}`,
  );
  exit(1);
}
