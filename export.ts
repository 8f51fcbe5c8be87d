import { exportCommand } from "./cli/export.ts";
import { runCommand } from "./cli/command.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(exportCommand, programArguments());
