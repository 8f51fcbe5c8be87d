import { runCommand } from "./cli/command.ts";
import { tune } from "./cli/tune.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(tune, programArguments());
