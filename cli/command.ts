/** Runs a command: prints a user's errors as one line, ends the process, which Dawn's threads would keep alive. */
import { UserError } from "../core/errors.ts";
import { environment, exit, print, printError } from "../core/runtime.ts";
import { type Arguments, helpText, parseArguments, type Usage } from "./arguments.ts";

export interface Command {
  readonly usage: Usage;
  /** Returns the exit code. */
  run(args: Arguments): Promise<number>;
}

/** Did Deno, run with too few permissions, refuse something? Its message says what and which flag allows it. */
function isDenied(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}

function debugging(): boolean {
  try {
    return environment("ALLCNN_DEBUG") !== undefined;
  } catch { // Deno, not allowed to read it
    return false;
  }
}

export async function runCommand({ usage, run }: Command, args: readonly string[]): Promise<never> {
  try {
    const parsed = parseArguments(usage, args);
    if (parsed === null) {
      print(helpText(usage));
      exit(0);
    }
    exit(await run(parsed));
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const debug = debugging();
    if (error instanceof UserError || isDenied(error)) printError(`allcnn: ${debug ? stack : message}`);
    else {printError(
        `allcnn: internal error, please report it with what ALLCNN_DEBUG=1 shows: ${debug ? stack : message}`,
      );}
    exit(1);
  }
}
