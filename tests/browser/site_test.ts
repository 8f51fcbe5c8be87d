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
import { openTab } from "./_tab.ts";

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
  epochs: 3
  batch: 32
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } }
  learningRate: { base: 0.01 }
  init: { heNormal: {} }
`;

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

        // A training in a worker: it goes on after a lost device, the page answers meanwhile, its file opens in Node.
        const status = () => text(tab, "train-status");
        await tab.evaluate(`document.getElementById("train-start").click()`);
        await tab.until(`document.querySelectorAll("#train-curves svg").length === 2`);
        await tab.evaluate(`document.getElementById("train").dispatchEvent(new Event("lose"))`);
        await tab.until(`/going on from step [1-9]/.test(document.getElementById("train-status").innerText)`);
        await drop(tab, "green.jpg", await jpeg(1, 3, 32, 32));
        await tab.until(`${LOOKED} && document.getElementById("image-status").innerText.startsWith("green.jpg")`);
        await tab.until(`!document.getElementById("train-start").hidden`);
        assert.ok((await status()).startsWith("Trained. "), await status());
        const bytes = await tab.evaluate(
          `fetch(document.getElementById("train-saved").href).then((file) => file.bytes())
          .then((bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")).then(btoa)`,
        );
        const trained = await loadModel(context, fromBase64(bytes as string));
        assert.is(trained.network.name, "tiny");
        await tab.evaluate(`document.getElementById("train-start").click()`);
        await tab.until(`document.getElementById("train-progress").hasAttribute("value")`);
        await tab.evaluate(`document.getElementById("train-stop").click()`);
        await tab.until(`document.getElementById("train-start").innerText === "Go on"`);
        assert.match(await status(), /^Stopped: /);
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
