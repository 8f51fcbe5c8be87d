import { visualize } from "./cli/visualize.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(visualize, programArguments());
