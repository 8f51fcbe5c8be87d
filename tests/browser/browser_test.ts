/** The library in a browser: a headless Chromium on its software adapter, compared with Node. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inFolder } from "../cli/_run.ts";
import { relativeError } from "../_gpu.ts";
import { decode } from "../../training/checkpoint.ts";
import { bundle, CHROMIUM, openPage, type Page } from "./_chromium.ts";
import * as node from "./_page.ts";

/** The config itself, on few images: two steps of two epochs. */
const QUICKSTART = readFileSync("configs/quickstart.yaml", "utf8");
const SETTINGS = ["dataset.trainExamples=128", "dataset.testExamples=64", "training.epochs=2"];

/** Where the example keeps its network. */
const SAVED = "models/quickstart.safetensors";

/** Loss and parameters must agree to this; they differ in the order of sums. */
const TOLERANCE = 1e-3;

const files: Record<string, Uint8Array> = {};
let page: Promise<Page> | null = null;

/** A test that needs the page, which all of them share, with what they stored. */
function inBrowser(name: string, body: (page: Page) => Promise<void>): void {
  test(name, async () => {
    if (CHROMIUM === null) {
      console.log("Skipped: no Chromium at $CHROMIUM, /usr/bin/chromium or /usr/bin/chromium-browser");
      return;
    }
    page ??= openPage(await bundle("tests/browser/_page.ts"), files);
    await body(await page);
  });
}

test.after(async () => {
  if (page !== null) await (await page).close();
});

function compareParams(actual: Readonly<Record<string, readonly number[]>>, expected: typeof actual): number {
  assert.equal(Object.keys(actual), Object.keys(expected));
  const errors = Object.entries(expected).map(([name, values]) => {
    const error = relativeError(actual[name]!, values);
    assert.ok(error < TOLERANCE, `${name}: relative error ${error}`);
    return error;
  });
  return Math.max(...errors);
}

function compareLosses(actual: readonly number[], expected: readonly number[]): void {
  assert.is(actual.length, expected.length);
  for (const [index, loss] of expected.entries()) {
    assert.ok(Math.abs(actual[index]! / loss - 1) < TOLERANCE, `loss ${index}: ${actual[index]}, ${loss}`);
  }
}

test("the library bundles for a browser, without any module of Node", async () => {
  assert.not.match(await bundle("mod.ts"), /\b(?:from|import|require)\b[ (]*["']node:/);
});

inBrowser("IndexedDB of a browser keeps the contract of storage", async (page) => {
  await page.call("checkStorage", "root");
});

inBrowser(
  "a search fills the cache in IndexedDB; after a reload nothing is measured and the winner is used",
  async (page) => {
    const first = await page.call("tune") as Awaited<ReturnType<typeof node.tune>>;
    page.reload();
    const second = await page.call("tune") as typeof first;
    assert.is(first.files.length, 1);
    assert.match(first.files[0]!, /^conv_forward-[0-9a-f]{16}\.json$/);
    assert.ok(first.measured > 1, `${first.measured} candidates measured`);
    assert.is(first.timed, first.measured);
    assert.is(second.measured, 0);
    assert.equal({ ...second, measured: first.measured }, first);
    assert.equal(second.chosen, second.winner);
    assert.equal(second.warnings, []);
  },
);

inBrowser("a browser trains a network of every kind of layer as Node does", async (page) => {
  const browser = await page.call("trainTiny") as Awaited<ReturnType<typeof node.trainTiny>>;
  const expected = await node.trainTiny();
  const worst = compareParams(browser.params, expected.params);
  for (const [epoch, [trainLoss, testLoss, ...errors]] of expected.scores.entries()) {
    const [browserTrain, browserTest, ...browserErrors] = browser.scores[epoch]!;
    compareLosses([browserTrain!, browserTest!], [trainLoss!, testLoss!]);
    assert.equal(browserErrors, errors);
  }
  console.log(
    `browser: ${browser.description}, ${browser.families.join(" and ")}; relative error of parameters and velocity ` +
      `at most ${worst.toExponential(1)} against ${expected.description}, ${expected.families.join(" and ")}`,
  );
});

inBrowser("a browser trains the quickstart as Node does, and each evaluates the other's checkpoint", async (page) => {
  const browser = await page.call("trainConfig", QUICKSTART, SETTINGS, SAVED) as Awaited<
    ReturnType<typeof node.trainConfig>
  >;
  await inFolder(async (folder) => {
    const path = join(folder, "node.safetensors");
    const expected = await node.trainConfig(QUICKSTART, SETTINGS, path);
    compareLosses(browser.losses, expected.losses);
    assert.equal(browser.errors, expected.errors);
    const worst = compareParams(browser.params, expected.params);
    console.log(`quickstart: relative error of parameters at most ${worst.toExponential(1)}`);

    files["node.safetensors"] = readFileSync(path);
    type Score = Awaited<ReturnType<typeof node.evaluateCheckpoint>>;
    const there = await page.call("evaluateCheckpoint", "models/node.safetensors", "/node.safetensors") as Score;
    const here = await node.evaluateCheckpoint(path, null);
    compareLosses([there.loss, there.loss], [here.loss, expected.losses.at(-1)!]);
    assert.is(there.error, here.error);
  });
  page.reload(); // what was trained before is still there
  const own = await page.call("evaluateCheckpoint", SAVED, null) as { loss: number; error: number };
  compareLosses([own.loss], [browser.losses.at(-1)!]);
  assert.is(own.error, browser.errors.at(-1));
});

inBrowser(
  "a browser loads the network that comes along by its URL, and by its name beside the library",
  async (page) => {
    files["elsewhere/demo.safetensors"] = files["models/demo.safetensors"] = readFileSync("models/demo.safetensors");
    const { tensors } = await decode(new Uint8Array(files["models/demo.safetensors"]), "demo");
    const here = Object.fromEntries(
      Object.entries(tensors).map(([name, { data }]) => [name, Array.from(data.subarray(0, 99))]),
    );
    for (const url of ["/elsewhere/demo.safetensors", null]) {
      assert.equal(await page.call("loadDemo", url), here);
    }
  },
);

inBrowser("the example's page opens, and evaluates the network that it finds in IndexedDB", async (page) => {
  files["examples/browser/index.html"] = readFileSync("examples/browser/index.html");
  files["examples/browser/page.js"] = new TextEncoder().encode(await bundle("examples/browser/page.ts"));
  files["configs/quickstart.yaml"] = readFileSync("configs/quickstart.yaml");
  const shown = await page.call("useExample", "/examples/browser/index.html") as Awaited<
    ReturnType<typeof node.useExample>
  >;
  assert.match(shown.device, "swiftshader");
  assert.is(shown.images, 20);
  assert.match(shown.status, /^The saved network: loss \d\.\d{4}, error [\d.]+\u00a0% on 64 test images$/);
});

inBrowser("a browser without WebGPU is told which have it", async (page) => {
  assert.match(
    await page.call("messageWithoutWebGPU") as string,
    /^This browser has no WebGPU: use a current Chrome, /,
  );
});

test.run();
