import { importCommand } from "./cli/import.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/runtime.ts";

await runCommand(importCommand, programArguments());
