/** A process that runs test files with uvu, one after the other, and what became of each. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import type { Readable } from "node:stream";

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** What became of a file. */
export interface Outcome extends Counts {
  readonly file: string;
  readonly seconds: number;
}

/** Ends what a process prints for a file; its last line are the counts. */
const END = "\0";

// uvu collects a file's suites while it is imported, and leaves running them to whoever sets UVU_DEFER. In between only
// the channel keeps the process alive; during tests it does not, so that a promise that nothing settles ends the process.
const MAIN = `
globalThis.UVU_DEFER = 1;
await import("uvu");
process.on("disconnect", () => process.exit());
process.on("message", async (path) => {
  process.channel.unref();
  let total = 0, passed = 0;
  try {
    globalThis.UVU_QUEUE = [[]];
    globalThis.UVU_INDEX = 0;
    await import("file://" + path);
    for (const suite of UVU_QUEUE[0]) {
      const [errors, ran, , all] = await suite();
      total += all;
      passed += ran;
      if (errors.length) process.stdout.write("\\n" + errors + "\\n");
    }
  } catch (error) {
    total++;
    console.log(error);
  }
  process.channel.ref();
  process.stdout.write(JSON.stringify({ passed, failed: total - passed }) + ${JSON.stringify(END)});
});
`;

export class Runner {
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | null = null;

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Runs the file at `path`, prints what it printed in one piece, and counts. */
  async run(file: string, path: string): Promise<Outcome> {
    const child = this.#child ??= start(this.#env);
    const began = performance.now();
    child.send(path);
    const { output, ended } = await outputOf(child);
    const seconds = (performance.now() - began) / 1000;
    if (ended) this.#child = null;
    const line = output.lastIndexOf("\n") + 1;
    // A process that ends in the middle of a file has failed it; the next file gets a new one.
    const counts = (ended ? { passed: 0, failed: 1 } : JSON.parse(output.slice(line))) as Counts;
    console.log(`${file}\n${ended ? `${output}\nThe process ended before the tests did` : output.slice(0, line)}`);
    return { file, ...counts, seconds };
  }

  /** Ends the process. */
  close(): void {
    this.#child?.disconnect();
  }
}

function start(env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, ["--enable-source-maps", "--input-type=module", "-e", MAIN], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: { ...env, ...process.env },
  });
}

/** What a process prints until the end of a file, or of itself. */
function outputOf(child: ChildProcess): Promise<{ output: string; ended: boolean }> {
  const stdout = child.stdout as Readable, decoder = new TextDecoder();
  let output = "";
  return new Promise((resolve) => {
    const settle = (ended: boolean) => {
      stdout.off("data", collect);
      child.off("close", close);
      resolve({ output, ended });
    };
    const close = () => settle(true);
    const collect = (data: Uint8Array) => {
      output += decoder.decode(data, { stream: true });
      if (!output.includes(END)) return;
      output = output.slice(0, output.indexOf(END));
      settle(false);
    };
    stdout.on("data", collect);
    child.on("close", close);
  });
}
