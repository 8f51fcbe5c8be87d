/** The only door to the process: environment, terminal, signals, exit. In a browser there is none, and that is fine. */
import { fileError } from "./errors.ts";

interface Stream {
  on?(event: "error", listener: (error: { readonly code?: string }) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

interface Process {
  readonly argv: readonly string[];
  readonly platform: string;
  readonly env: Record<string, string | undefined>;
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly versions: Record<string, string | undefined>;
  on(signal: string, listener: () => void): unknown;
  off(signal: string, listener: () => void): unknown;
  exit(code: number): never;
  readonly pid: number;
  kill(pid: number, signal: 0): unknown;
  memoryUsage(): { rss: number };
  cpuUsage(): { user: number; system: number };
  getBuiltinModule?(name: string): { totalmem(): number };
}

/** Node's `process`, which Deno has too; undefined in a browser. */
const host = (globalThis as { process?: Process }).process;

/** Does this run in Node or Deno, with files and native packages? */
export const hasProcess = host?.versions?.["node"] !== undefined;

/** Is it Bun, which passes for Node? */
export const inBun = host?.versions?.["bun"] !== undefined;

/** "linux", "darwin", "win32", ...; empty in a browser. */
export function platform(): string {
  return host?.platform ?? "";
}

/** What follows the script's name on the command line. */
export function programArguments(): readonly string[] {
  return host?.argv.slice(2) ?? [];
}

/** The value of an environment variable; an empty one counts as unset. */
export function environment(name: string): string | undefined {
  return host?.env[name] || undefined;
}

/** Sets an environment variable for native libraries loaded later, unless it is set. */
export function setDefaultEnvironment(name: string, value: string): void {
  if (host !== undefined) host.env[name] ||= value;
}

/**
 * Says what happens where standard output or standard error cannot be written to any more. Where nobody reads it, as
 * behind `| head -1`, the program ends quietly; for another reason, as a full disk, it says which and ends with 1. With
 * `goOn` it goes on without them.
 */
export function onLostOutput(goOn: boolean): void {
  host?.stderr.on?.("error", () => {});
  host?.stdout.on?.("error", (error) => {
    if (error.code !== "EPIPE") printError(`allcnn: ${fileError("write", "standard output", error).message}`);
    if (!goOn) exit(error.code === "EPIPE" ? 0 : 1);
  });
}

export function print(text: string): void {
  if (host === undefined) console.log(text);
  else host.stdout.write(`${text}\n`);
}

/** Columns of the terminal that standard output goes to, or null if it is none. */
export function terminalColumns(): number | null {
  return host?.stdout.isTTY ? host.stdout.columns ?? 80 : null;
}

/** Lines of the terminal that standard output goes to, or null if it is none. */
export function terminalRows(): number | null {
  return host?.stdout.isTTY ? host.stdout.rows ?? 24 : null;
}

/** Redraws the last line of the terminal. */
export function printOver(text: string): void {
  host?.stdout.write(`\r\x1b[2K${text}`);
}

export function printError(text: string): void {
  if (host === undefined) console.error(text);
  else host.stderr.write(`${text}\n`);
}

/** Calls `listener` on Ctrl-C or a request to terminate; returns a function that stops listening. */
export function onInterrupt(listener: () => void): () => void {
  for (const signal of ["SIGINT", "SIGTERM"]) host?.on(signal, listener);
  return () => {
    for (const signal of ["SIGINT", "SIGTERM"]) host?.off(signal, listener);
  };
}

/** The file that was started, as it was named or by its whole path. */
export function programFile(): string {
  return host?.argv[1] ?? "allcnn";
}

/** Ends the process at once: Dawn's threads would keep it alive otherwise. */
export function exit(code: number): never {
  if (host === undefined) throw new Error(`exit ${code}`);
  return host.exit(code);
}

/** Seconds that the process, all its threads together, kept processors busy; 0 in a browser. */
export function cpuSeconds(): number {
  const { user, system } = host?.cpuUsage() ?? { user: 0, system: 0 };
  return (user + system) / 1e6;
}

/** Bytes of memory that the machine has; infinite where nobody tells. */
export function totalMemory(): number {
  return host?.getBuiltinModule?.("node:os").totalmem() ?? Infinity;
}

/** The number of this process; 0 in a browser. */
export function processId(): number {
  return host?.pid ?? 0;
}

/** Does a process of this machine run? Null where that may not be asked. */
export function isRunning(pid: number): boolean | null {
  if (host === undefined) return null;
  try {
    host.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    return code === "ESRCH" ? false : code === "EPERM" ? true : null;
  }
}

/** Waits. */
export function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}

/** Calls `body` every `seconds` until the returned function is called; keeps no process alive. */
export function every(seconds: number, body: () => void): () => void {
  const timer: unknown = setInterval(body, 1000 * seconds);
  (timer as { unref?(): void }).unref?.();
  return () => clearInterval(timer as number);
}
