import { bench } from "./cli/bench.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(bench, programArguments());
