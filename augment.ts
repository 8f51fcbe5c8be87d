import { augment } from "./cli/augment.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(augment, programArguments());
