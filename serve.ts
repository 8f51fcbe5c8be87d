import { runCommand } from "./cli/command.ts";
import { serve } from "./cli/serve.ts";
import { programArguments } from "./core/runtime.ts";

await runCommand(serve, programArguments());
