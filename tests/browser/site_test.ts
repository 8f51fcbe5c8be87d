/** The page as files in a headless Chromium: all of it, a training too, without a server. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { explain } from "../../explain/explain.ts";
import { fromBase64, type PictureInfo } from "../../serve/protocol.ts";
import { loadModel } from "../../training/model_file.ts";
import { preprocess } from "../../training/preprocess.ts";
import { gpu } from "../_gpu.ts";
import { allcnn, inFolder } from "../cli/_run.ts";
import { jpeg } from "../data/_pictures.ts";
import { saveCheckpointOf, WHITENED } from "../serve/_served.ts";
import { CHROMIUM } from "./_chromium.ts";
import { agree, drop, LOOKED, text, values } from "./_explored.ts";
import { openTab, type Tab } from "./_tab.ts";

/** A server of files and of nothing else, under /some/folder/. */
async function withFiles(root: string, body: (url: string) => Promise<void>): Promise<void> {
  const types: Readonly<Record<string, string>> = { html: "text/html", css: "text/css", js: "text/javascript" };
  const server = createServer((request, response) => {
    const path = request.url!.replace(/^\/some\/folder\//, "") || "index.html", file = join(root, path);
    if (!existsSync(file)) return response.writeHead(404).end();
    const type = types[path.split(".").at(-1)!] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type }).end(readFileSync(file));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/some/folder/`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** What the site trains in the test. */
const TINY = `
name: tiny
dataset: { name: shapes, trainExamples: 4096, testExamples: 64 }
network:
  - { conv: { name: conv1, channels: 8, kernel: 3, stride: 2, activation: relu } }
  - { conv: { name: conv2, channels: 10, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 5
  batch: 32
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } }
  learningRate: { base: 0.01 }
  init: { heNormal: {} }
`;

/** The step of the last checkpoint in the browser's storage, as its file says; 0 before the first. */
const KEPT_STEP = `(async () => {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const database = await done(indexedDB.open("allcnn"));
  const files = database.transaction("files").objectStore("files");
  const bytes = await done(files.get("site/training/checkpoint.safetensors"));
  database.close();
  if (bytes === undefined) return 0;
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const { __metadata__ } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size)));
  return JSON.parse(__metadata__.allcnn).progress.step;
})()`;

/** Trains; loses the device, closes the page and stops in between, and asserts that each goes on from what was kept. */
async function trainThere(tab: Tab, look: (name: string) => Promise<void>): Promise<void> {
  const status = () => text(tab, "train-status"), press = (id: string) => tab.evaluate(`${id}.click()`);
  const shown = (id: string) => tab.until(`!document.getElementById("${id}").hidden`);
  // Lines come and go: all of them are noted.
  const note = () =>
    tab.evaluate(`{
      globalThis.said = [];
      const line = document.getElementById("train-status");
      new MutationObserver(() => said.push(line.innerText)).observe(line, { childList: true });
    }`);
  const firstKept = async () => {
    for (let tries = 0;; tries++) {
      assert.ok(tries < 300, `no checkpoint: ${await status()}`);
      const kept = await tab.evaluate<number>(KEPT_STEP);
      if (kept > 0) return kept;
      assert.not.match(await status(), /^Trained/, "it ended before a checkpoint: TINY is too small");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const goingOn = async () => {
    await tab.until(`said.some((line) => /oing on from step/.test(line))`);
    const lines = await tab.evaluate<string[]>("said");
    return Number(/oing on from step (\d+)/.exec(lines.find((line) => /oing on from step/.test(line))!)![1]);
  };

  await note();
  await press(`document.getElementById("train-start")`);
  const first = await firstKept();
  await look("meanwhile.jpg");
  assert.is(await tab.evaluate(`document.getElementById("train-stop").hidden`), false, "it trained meanwhile");
  await tab.evaluate(`document.getElementById("train").dispatchEvent(new Event("lose"))`);
  const second = await goingOn();
  assert.ok(second >= first, `from ${second}, ${first} was kept`);
  await tab.until(`said.at(-1).startsWith("Training tiny")`);

  await tab.send("Page.reload"); // as a tab that is closed in the midst of it, and opened again
  await tab.until(`globalThis.said === undefined && !document.getElementById("train").hidden`);
  assert.is(await text(tab, "train-start"), "Go on");
  await note();
  await press(`document.getElementById("train-start")`);
  const third = await goingOn();
  assert.ok(third >= second, `from ${third}, ${second} was kept`);

  await tab.until(`document.getElementById("train-numbers").innerText !== ""`);
  await tab.evaluate(`document.getElementById("train-stop").focus()`);
  await press(`document.getElementById("train-stop")`);
  await shown("train-start");
  assert.match(await status(), /^Stopped: /);
  assert.is(await tab.evaluate("document.activeElement.id"), "train-start");
  await press(`document.getElementById("train-start")`);
  await shown("train-stop");
  await shown("train-start");
  assert.match(await status(), /^Trained\. /);
  assert.is(await tab.evaluate(`document.querySelectorAll("#train-curves svg").length`), 2);
}

test("a site of files: the visitor's browser predicts, explains and searches, and asks nobody else", async () => {
  if (CHROMIUM === null) return console.log("Skipped: no Chromium at $CHROMIUM or /usr/bin/chromium");
  await inFolder(async (folder) => {
    await saveCheckpointOf(folder, 2, WHITENED);
    const site = join(folder, "site"), written = await allcnn(["serve", folder, "--site", site]);
    assert.match(`${written.code} ${written.stdout}`, /^0 [^]*Wrote .*site: any server of files can show it/);
    writeFileSync(join(site, "train.yaml"), TINY);
    await withFiles(site, async (url) => {
      const tab = await openTab(url), context = await gpu(), model = await loadModel(context, folder);
      try {
        await tab.until(LOOKED); // what was computed when the page was written
        await tab.until(`document.getElementById("where-note").innerText.startsWith("Computed in this browser")`);
        assert.match(await text(tab, "about"), /^All of it is computed in this browser/);
        const [sample] = JSON.parse(readFileSync(join(site, "api/samples"), "utf8")) as PictureInfo[];
        const image = await preprocess(model, Float32Array.from(fromBase64(sample!.pixels)));
        const expected = [];
        for (const rule of ["gradient", "deconvnet", "guided"] as const) {
          expected.push((await explain(model, image, { layer: "globalAveragePool", unit: "top", rule }))[0]!);
        }
        agree(await values(tab), expected);
        await tab.evaluate(`location.hash = "#image=0&layer=conv2&unit=3"`);
        await tab.until(`document.getElementById("search").innerText === "Search conv2"`);
        await tab.evaluate(`document.getElementById("search").click()`);
        await tab.until(`document.querySelectorAll("#patches canvas").length === 40`); // ten samples, four rows
        await drop(tab, "blue.jpg", await jpeg(2, 4, 50, 40));
        await tab.until(
          `${LOOKED} && document.getElementById("image-status").innerText.startsWith("blue.jpg: its 50x40")`,
        );
        // The camera: refused, allowed, and ended by another picture.
        const camera = { permission: { name: "camera" }, origin: new URL(url).origin };
        const push = () => tab.evaluate(`document.getElementById("camera").click()`);
        const says = (line: string) => tab.until(`document.getElementById("image-status").innerText === "${line}"`);
        await tab.send("Browser.setPermission", { ...camera, setting: "denied" });
        await push();
        await says("Cannot use the camera: it was refused; allow it for this page in the browser's settings");
        await tab.send("Browser.setPermission", { ...camera, setting: "granted" });
        await push();
        await says("What the camera sees");
        const seen = async () => JSON.stringify(await values(tab)), first = await seen();
        await tab.until(`${LOOKED} && document.getElementById("camera").innerText === "end the camera"`);
        for (let tries = 0; await seen() === first; tries++) assert.ok(tries < 100, "the camera stands still");
        await drop(tab, "words.txt", new TextEncoder().encode("no image"));
        await tab.until(`document.getElementById("image-status").innerText.startsWith('Cannot read "words.txt"')`);

        await trainThere(tab, async (name) => {
          await drop(tab, name, await jpeg(1, 3, 32, 32));
          await tab.until(`${LOOKED} && document.getElementById("image-status").innerText.startsWith("${name}")`);
        });
        const bytes = await tab.evaluate<string>(
          `fetch(document.getElementById("train-saved").href).then((file) => file.bytes())
          .then((bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")).then(btoa)`,
        );
        assert.is((await loadModel(context, fromBase64(bytes))).network.name, "tiny");
        assert.equal(tab.errors, []);
        const known = new RegExp(`^(${url}|data:,|blob:)`);
        assert.equal(tab.requests.filter((address) => !known.test(address)), []);
      } finally {
        await tab.close();
      }
    });
  });
});

test.run();
