/** The engine in a browser: the same training as in Node, through `navigator.gpu` of a headless Chromium. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "esbuild";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { gpu, relativeError } from "../_gpu.ts";
import { type Trained, trainTiny } from "./_engine.ts";

const CHROMIUM = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser"]
  .find((path) => path !== undefined && existsSync(path));

/** SwiftShader: a WebGPU adapter that Chromium brings along, so that no GPU is needed; and nothing that phones home. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const SECONDS = 120;

const PAGE = `<!doctype html><meta charset="utf-8"><title>allcnn</title><script type="module">
const send = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
try {
  const { openDevice, trainTiny } = await import("/engine.js");
  const context = await openDevice();
  const result = await trainTiny(context);
  context.close();
  await send(result);
} catch (error) {
  await send({ error: String(error?.stack ?? error) });
}
</script>`;

/** The engine as one module for browsers. Fails where it needs a module of Node; Dawn is never loaded there. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ["tests/browser/_engine.ts"],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    external: ["webgpu"],
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}

/** Serves the page, opens it in Chromium, and returns what it posts. */
async function trainInBrowser(chromium: string, script: string): Promise<Trained> {
  const profile = mkdtempSync(join(tmpdir(), "allcnn-chromium-"));
  let child: ChildProcess | null = null, timer: ReturnType<typeof setTimeout> | undefined;
  const answers: Record<string, [type: string, text: string]> = {
    "/": ["text/html", PAGE],
    "/engine.js": ["text/javascript", script],
  };
  let post: (body: string) => void, fail: (error: Error) => void;
  const posted = new Promise<string>((resolve, reject) => [post, fail] = [resolve, reject]);
  const server = createServer((request, response) => {
    const [type, text] = answers[request.url ?? ""] ?? ["text/plain", ""];
    response.setHeader("content-type", type);
    let body = "";
    request.on("data", (data: Uint8Array) => body += new TextDecoder().decode(data));
    request.on("end", () => {
      response.end(text);
      if (request.method === "POST") post(body);
    });
  });
  try {
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
    child = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`, url], { stdio: "ignore", detached: true });
    child.on("error", (error) => fail(error));
    child.on("exit", (code) => fail(new Error(`${chromium} ended with code ${code}`)));
    timer = setTimeout(() => fail(new Error(`No answer from ${chromium} in ${SECONDS} s`)), 1000 * SECONDS);
    const result = JSON.parse(await posted) as Trained | { error: string };
    if ("error" in result) throw new Error(`In the browser: ${result.error}`);
    return result;
  } finally {
    clearTimeout(timer);
    server.close();
    server.closeAllConnections();
    if (child !== null && child.exitCode === null && child.pid !== undefined) {
      const ended = new Promise((resolve) => child!.once("exit", resolve));
      process.kill(-child.pid, "SIGKILL"); // The whole group: Chromium's helpers outlive it otherwise.
      await ended;
    }
    await removed(profile);
  }
}

/** Removes a folder that dying processes may still write to; after 10 s it stays, which no test should fail for. */
async function removed(folder: string): Promise<void> {
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

test("the engine bundles for a browser, without any module of Node", async () => {
  const script = await bundle();
  assert.not.match(script, /["']node:/);
});

test("a browser trains to the losses and parameters that Node trains to", async () => {
  if (CHROMIUM === undefined) {
    console.log("Skipped: no Chromium at $CHROMIUM, /usr/bin/chromium or /usr/bin/chromium-browser");
    return;
  }
  const browser = await trainInBrowser(CHROMIUM, await bundle());
  const node = await trainTiny(await gpu());
  let worst = 0;
  assert.equal(Object.keys(browser.params), Object.keys(node.params));
  for (const [name, values] of Object.entries(node.params)) {
    const error = relativeError(browser.params[name]!, values);
    assert.ok(error < 1e-3, `${name}: relative error ${error}`);
    worst = Math.max(worst, error);
  }
  for (const [epoch, [trainLoss, testLoss, ...errors]] of node.scores.entries()) {
    const [browserTrain, browserTest, ...browserErrors] = browser.scores[epoch]!;
    assert.ok(Math.abs(browserTrain! / trainLoss! - 1) < 1e-3, `epoch ${epoch}: ${browserTrain}, ${trainLoss}`);
    assert.ok(Math.abs(browserTest! / testLoss! - 1) < 1e-3, `epoch ${epoch}: ${browserTest}, ${testLoss}`);
    assert.equal(browserErrors, errors);
  }
  console.log(
    `browser: ${browser.description}, ${browser.families.join(" and ")}; relative error of parameters and velocity ` +
      `at most ${worst.toExponential(1)} against ${node.description}, ${node.families.join(" and ")}`,
  );
});

test.run();
