/** A headless Chromium with a page that runs functions of a bundled module: `navigator.gpu` and IndexedDB for tests. */
import { build } from "esbuild";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { browserModules } from "../../scripts/browser_modules.ts";

/** The program, or null where there is none. */
export const CHROMIUM = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser"]
  .find((path) => path !== undefined && existsSync(path)) ?? null;

/** SwiftShader: a WebGPU adapter that Chromium brings along, so that no GPU is needed; and nothing that phones home. */
export const FLAGS: readonly string[] = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--use-fake-device-for-media-stream", // a camera that shows a turning disc
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** By the end of a file's name; the page itself has none. */
const TYPES: Readonly<Record<string, string>> = { "": "text/html", html: "text/html", js: "text/javascript" };

/** A function that has not answered by then has failed. */
const SECONDS = 240;

/** Asks for a function and its arguments, posts what it returns, again and again. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>allcnn</title><script type="module">
const post = (body) => fetch("/result", { method: "POST", body: JSON.stringify(body) });
for (;;) {
  const { name, args } = await (await fetch("/job")).json();
  if (name === null) break;
  try {
    const module = await import("/module.js");
    await post({ result: await module[name](...args) ?? null });
  } catch (error) {
    await post({ error: String(error?.stack ?? error) });
  }
}
location.reload();
</script>`;

/** A module for browsers, made as the package's own is. Fails where it needs a module of Node. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    plugins: [browserModules],
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}

export interface Page {
  /** What `name` of the module returns, as JSON carries it. Throws where it throws. */
  call(name: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Loads the page again: what it stored stays. */
  reload(): void;
  close(): Promise<void>;
}

/** Serves a page with `script` and `files` (path to contents, now or later) on localhost, and opens it in Chromium. */
export async function openPage(script: string, files: Readonly<Record<string, Uint8Array>> = {}): Promise<Page> {
  if (CHROMIUM === null) throw new Error("No Chromium");
  const profile = mkdtempSync(join(tmpdir(), "allcnn-chromium-"));
  const own: Record<string, string> = { "": PAGE, "module.js": script };
  const jobs: string[] = [], waiting: ServerResponse[] = [];
  const hand = () => {
    while (jobs.length > 0 && waiting.length > 0) waiting.shift()!.end(jobs.shift());
  };
  let settle: ((answer: { result: unknown } | { error: string }) => void) | null = null;
  const server = createServer((request, response) => {
    response.on("close", () => waiting.includes(response) && waiting.splice(waiting.indexOf(response), 1));
    if (request.url === "/job") {
      waiting.push(response);
      return hand();
    }
    const path = request.url!.slice(1), contents = own[path] ?? files[path];
    response.statusCode = contents === undefined && request.method === "GET" ? 404 : 200;
    response.setHeader("content-type", TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream");
    const chunks: Uint8Array[] = [];
    request.on("data", (data: Uint8Array) => chunks.push(data));
    request.on("end", () => {
      response.end(contents);
      if (request.url === "/result") settle?.(JSON.parse(new TextDecoder().decode(Buffer.concat(chunks))));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
  const child = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, url], { stdio: "ignore", detached: true });
  let ended: string | null = null;
  const end = (why: string) => {
    ended ??= why;
    settle?.({ error: ended });
  };
  child.on("error", (error) => end(error.message));
  child.on("exit", (code) => end(`${CHROMIUM} ended with code ${code}`));

  return {
    async call(name, ...args) {
      const timer = setTimeout(() => settle?.({ error: `no answer in ${SECONDS} s` }), 1000 * SECONDS);
      const answer = await new Promise<{ result: unknown } | { error: string }>((resolve) => {
        settle = resolve;
        if (ended !== null) resolve({ error: ended });
        jobs.push(JSON.stringify({ name, args }));
        hand();
      });
      clearTimeout(timer);
      if ("error" in answer) throw new Error(`In the browser: ${answer.error}`);
      return answer.result;
    },
    reload() {
      jobs.push(JSON.stringify({ name: null }));
      hand();
    },
    async close() {
      settle = null;
      server.close();
      server.closeAllConnections();
      await stopped(child);
      await removed(profile);
    },
  };
}

/** Ends Chromium with all of its helpers. */
export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const end = new Promise((resolve) => child.once("exit", resolve));
  process.kill(-child.pid, "SIGKILL"); // The whole group: Chromium's helpers outlive it otherwise.
  await end;
}

/** Removes a folder that dying processes may still write to; after 10 s it stays, which no test should fail for. */
export async function removed(folder: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  console.log(`${folder} could not be removed`);
}
