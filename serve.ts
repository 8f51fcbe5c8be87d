import { runCommand } from "./cli/command.ts";
import { serve } from "./cli/serve.ts";
import { programArguments } from "./core/host/process.ts";

await runCommand(serve, programArguments());
