import { sweep } from "./cli/sweep.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(sweep, programArguments());
