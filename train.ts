import { train } from "./cli/train.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(train, programArguments());
