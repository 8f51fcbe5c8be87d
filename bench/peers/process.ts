/** A peer as the driver sees it: a process that is asked one thing at a time, and may fail in every way. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { environment } from "../../core/host/process.ts";
import { parseAnswer, type Request } from "./protocol.ts";

export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  /** Added to the driver's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Caches of compiled shaders and graphs, in a folder that is empty at first: nobody starts with a warm one. */
export function coldCaches(folder: string): Record<string, string> {
  return {
    MESA_SHADER_CACHE_DIR: folder,
    __GL_SHADER_DISK_CACHE_PATH: folder, // NVIDIA's, of Vulkan too
    CUDA_CACHE_PATH: folder,
    TORCHINDUCTOR_CACHE_DIR: folder,
    TRITON_CACHE_DIR: folder,
  };
}

export interface PeerProcess {
  /** The next answer, after sending `request` if there is one. Throws an `Error` of one line that says why not. */
  ask(request: Request | null, timeoutSeconds: number): Promise<unknown>;
  /** Asks it to stop; after three seconds it is killed. */
  stop(): Promise<void>;
}

const STOP_MILLISECONDS = 3000;

/** The children that still run: they end with the driver. */
const running = new Set<ChildProcess>();
process.on("exit", killPeers);

/** Ends all peers at once; whoever waits for one hears that it ended. */
export function killPeers(): void {
  running.forEach((child) => child.kill("SIGKILL"));
}

/** Starts a peer. What it prints to standard error is shown where ALLCNN_DEBUG is set; its last line explains a crash. */
export function startPeer({ file, args, env }: Launch): PeerProcess {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  running.add(child);
  let lastWords = "", ended: string | null = null;
  let settle: ((result: { answer: unknown } | { error: string }) => void) | null = null;
  const fail = (error: string) => {
    ended ??= error;
    settle?.({ error });
  };
  child.stdin.on("error", () => {}); // a peer that has ended reads no more; its end is reported below
  createInterface({ input: child.stdout }).on("line", (line) => {
    const answer = parseAnswer(line);
    if (answer !== null) settle?.(answer);
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (environment("ALLCNN_DEBUG") !== undefined) process.stderr.write(`${line}\n`);
    // Dawn warns at every start, Node ends a stack with its version.
    if (line.trim() !== "" && !/^Warning: max|^Node\.js v|^\s+at /.test(line)) lastWords = line.trim();
  });
  child.on("error", (error) => fail(`it cannot be started: ${error.message}`));
  child.on("close", (code, signal) => {
    running.delete(child);
    fail(`it ended (${signal ?? `exit code ${code}`})${lastWords === "" ? "" : `: ${lastWords}`}`);
  });
  return {
    async ask(request, timeoutSeconds) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const result = await new Promise<{ answer: unknown } | { error: string }>((resolve) => {
        if (ended !== null) return resolve({ error: ended });
        settle = resolve;
        timer = setTimeout(() => {
          resolve({ error: `no answer within ${timeoutSeconds} s` });
          child.kill("SIGKILL");
        }, 1000 * timeoutSeconds);
        if (request !== null) child.stdin.write(`${JSON.stringify(request)}\n`);
      });
      clearTimeout(timer);
      settle = null;
      if ("error" in result) throw new Error(result.error);
      return result.answer;
    },
    async stop() {
      if (!running.has(child)) return;
      const closed = new Promise((resolve) => child.on("close", resolve));
      child.stdin.end(`${JSON.stringify({ cmd: "stop" } satisfies Request)}\n`);
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MILLISECONDS);
      await closed;
      clearTimeout(timer);
    },
  };
}
