import { importCommand } from "./cli/import.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(importCommand, programArguments());
