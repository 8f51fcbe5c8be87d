import { evaluate } from "./cli/evaluate.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(evaluate, programArguments());
