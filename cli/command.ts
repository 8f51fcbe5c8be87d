/** Runs a command: prints a user's errors as one line, ends the process, which Dawn's threads would keep alive. */
import { oneLine, UserError } from "../core/host/errors.ts";
import { environment, exit, onLostOutput, pause, print, printError } from "../core/host/process.ts";
import { type Arguments, helpText, parseArguments, type Usage } from "./arguments.ts";
import { beQuiet } from "./progress.ts";
import { OPTION_WORDS } from "./words.ts";

export interface Command {
  readonly usage: Usage;
  /** Its work goes on where nobody reads its output any more; the others end then. */
  readonly goesOn?: boolean;
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

/** What V8 says when main memory does not suffice for an array. */
const NO_MEMORY = /Array buffer allocation failed|Invalid (typed )?array( buffer)? length/;

/** The line that tells of an error, or with ALLCNN_DEBUG its stack trace. */
function errorText(error: unknown): string {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (debugging()) return stack ?? message;
  if (error instanceof UserError) return error.inWords(OPTION_WORDS);
  if (isDenied(error)) return message;
  if (error instanceof RangeError && NO_MEMORY.test(message)) {
    return `Not enough memory for this network and data: use a smaller network or batch, or fewer examples (${message})`;
  }
  return `internal error, please report it with what ALLCNN_DEBUG=1 shows: ${oneLine(message)}`;
}

export async function runCommand({ usage, run, goesOn = false }: Command, args: readonly string[]): Promise<never> {
  try {
    const parsed = parseArguments(usage, args);
    onLostOutput(goesOn && parsed !== null);
    if (parsed === null) print(helpText(usage));
    if (parsed?.flag("quiet")) beQuiet();
    const code = parsed === null ? 0 : await run(parsed);
    await pause(0); // a failure to write what was printed is heard of a moment later
    exit(code);
  } catch (error) {
    printError(`allcnn: ${errorText(error)}`);
    exit(1);
  }
}
