import { predict } from "./cli/predict.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(predict, programArguments());
