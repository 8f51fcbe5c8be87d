/** Runs the built program as a user would. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

export interface Result {
  readonly code: number;
  readonly stdout: string;
  /** Without the warnings that Dawn prints by itself. */
  readonly stderr: string;
}

const withoutDawn = (text: string) => text.split("\n").filter((line) => !line.startsWith("Warning: max")).join("\n");

/** Runs a command; `stopWhen` gets everything printed so far and may send a signal. */
export function execute(
  file: string,
  args: readonly string[],
  { cwd, env = {}, stopWhen }: {
    cwd?: string;
    env?: Record<string, string>;
    stopWhen?: (stdout: string) => "SIGINT" | "SIGKILL" | null;
  } = {},
): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      ...(cwd !== undefined && { cwd }),
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "", stderr = "", stopped = false;
    child.stdout.on("data", (data: Uint8Array) => {
      stdout += new TextDecoder().decode(data);
      const signal = stopped ? null : stopWhen?.(stdout) ?? null;
      if (signal === null) return;
      stopped = true;
      child.kill(signal);
    });
    child.stderr.on("data", (data: Uint8Array) => stderr += new TextDecoder().decode(data));
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr: withoutDawn(stderr) }));
  });
}

/** `allcnn ...` on Node. */
export function allcnn(args: readonly string[], options: Parameters<typeof execute>[2] = {}): Promise<Result> {
  return execute(process.execPath, ["dist/allcnn.js", ...args], options);
}

/** `deno run -A SCRIPT.ts ...`, or null where Deno is not installed. */
export function denoRun(args: readonly string[], options: Parameters<typeof execute>[2] = {}): Promise<Result> | null {
  try {
    execFileSync("node_modules/.bin/deno", ["--version"], { stdio: "ignore" });
  } catch {
    return null;
  }
  return execute("node_modules/.bin/deno", ["run", "-A", ...args], options);
}

/** A temporary folder for one test. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "allcnn-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Settings that make the quickstart's network small: convolutions of 3x3 with a stride take longest to compile. */
export const SMALL_NETWORK = [
  "--set=network.1.conv.channels=8",
  "--set=network.2.conv.kernel=1",
  "--set=network.3.conv.channels=8",
  "--set=network.3.conv.kernel=1",
  "--set=network.4.conv.kernel=1",
];

/** Settings that make the quickstart a matter of seconds. */
export const SMALL = [
  "--train-examples=48",
  "--test-examples=64",
  "--epochs=3",
  "--set=training.batch=16",
  ...SMALL_NETWORK,
];
