/** The page of `allcnn serve` in a headless Chromium: what it computes there agrees with Node. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { decodeImage, resizeTo } from "../../data/image.ts";
import { explain, type Way } from "../../explain/explain.ts";
import { poolModel } from "../../explain/pool_model.ts";
import { loadModel } from "../../training/model_file.ts";
import { preprocess } from "../../training/preprocess.ts";
import { gpu } from "../_gpu.ts";
import { jpeg } from "../data/_pictures.ts";
import { fromBase64, type PictureInfo } from "../../serve/protocol.ts";
import { allcnn, inFolder } from "../cli/_run.ts";
import { CHECKPOINT, saveCheckpointOf, WHITENED, withServer } from "../serve/_served.ts";
import { CHROMIUM } from "./_chromium.ts";
import { openTab, type Tab } from "./_tab.ts";

/** Of the largest value. */
const TOLERANCE = 1e-3;

/** What the link "values as JSON" holds. */
interface Values {
  readonly layer: string;
  readonly methods: readonly { readonly method: string; readonly unit: number; readonly reconstruction: number[] }[];
}

const LOOKED = "document.querySelectorAll('#rules canvas').length === 3 && !document.querySelector('#looked.old')";
const text = (tab: Tab, id: string) => tab.evaluate<string>(`document.getElementById("${id}").innerText`);
const values = (tab: Tab) =>
  tab.evaluate<Values>(`fetch(document.getElementById("values").href).then((response) => response.json())`);

/** Drops a file on the page. */
const drop = (tab: Tab, name: string, bytes: Uint8Array) =>
  tab.evaluate(`{
    const bytes = Uint8Array.from(atob("${Buffer.from(bytes).toString("base64")}"), (c) => c.charCodeAt(0));
    const dataTransfer = new DataTransfer(), init = { bubbles: true, cancelable: true, dataTransfer };
    dataTransfer.items.add(new File([bytes], "${name}"));
    const field = document.getElementById("drop");
    for (const type of ["dragenter", "dragover", "drop"]) field.dispatchEvent(new DragEvent(type, init));
  }`);

const click = (tab: Tab, selector: string, name: string) =>
  tab.evaluate(
    `[...document.querySelectorAll("${selector}")].find((each) => each.innerText.startsWith("${name}")).click()`,
  );

const choose = (tab: Tab, id: string, value: string) =>
  tab.evaluate(`{
    const select = document.getElementById("${id}");
    select.value = "${value}";
    select.dispatchEvent(new Event("change"));
  }`);

function agree(
  { methods }: Values,
  expected: readonly { readonly unit: number; readonly reconstruction: Float32Array }[],
) {
  assert.equal(methods.map(({ method }) => method), ["gradient", "deconvnet", "guided"]);
  return Math.max(...methods.map(({ unit, reconstruction }, at) => {
    const { reconstruction: values, unit: wanted } = expected[at]!;
    assert.equal([unit, reconstruction.length], [wanted, values.length]);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert.ok(largest > 0);
    const error = reconstruction.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0) / largest;
    assert.ok(error < TOLERANCE, `${methods[at]!.method}: relative error ${error}`);
    return error;
  }));
}

test("a dropped image is explained in the browser as in Node, and the same on the server", async () => {
  if (CHROMIUM === null) return console.log("Skipped: no Chromium at $CHROMIUM or /usr/bin/chromium");
  await withServer(async ({ url, close }, folder) => {
    const context = await gpu(), model = await loadModel(context, folder), bytes = await jpeg(2, 4, 50, 40);
    assert.ok(model.whitening !== null);
    const { pixels } = await resizeTo(await decodeImage(bytes, "it"), 32, 32);
    const image = await preprocess(model, Float32Array.from(pixels));
    const expected = async (way: Omit<Way, "rule"> & { readonly unit: number | "top" }, of = model) => {
      const all = [];
      for (const rule of ["gradient", "deconvnet", "guided"] as const) {
        all.push((await explain(of, image, { ...way, rule }))[0]!);
      }
      return all;
    };
    const tab = await openTab(url);
    try {
      await tab.until(LOOKED); // the first sample, which nobody has to choose
      assert.is(await tab.evaluate("document.querySelectorAll('#samples canvas').length"), 10);
      assert.match(await text(tab, "image-status"), /^A test image of the class /);
      await drop(tab, "blue.jpg", bytes);
      await tab.until(`${LOOKED} && document.getElementById("image-status").innerText.startsWith("blue.jpg: its")`);
      assert.is(await text(tab, "image-status"), "blue.jpg: its 50x40 pixels were scaled and cut to 32x32");
      await tab.until(
        `/^Computed in this browser, on .*swiftshader/i.test(document.getElementById("where-note").innerText)`,
      );
      assert.match(await text(tab, "what-line"), /^What speaks for \w+: score /);
      const top = await expected({ layer: "globalAveragePool", unit: "top" });
      const inBrowser = agree(await values(tab), top);

      await choose(tab, "where", "server");
      await tab.until(
        `${LOOKED} && document.getElementById("where-note").innerText.startsWith("Computed on the server")`,
      );
      const onServer = agree(await values(tab), top);
      await choose(tab, "way", "pooled strides");
      await tab.until(LOOKED);
      agree(await values(tab), await expected({ layer: "globalAveragePool", unit: "top" }, poolModel(model)));
      console.log(
        `browser: relative error at most ${inBrowser.toExponential(1)}, server: ${onServer.toExponential(1)}`,
      );

      // The keyboard: from the last layer two up.
      await tab.evaluate(`document.querySelector(".layer[aria-pressed=true]").focus()`);
      for (let i = 0; i < 2; i++) {
        for (const type of ["keyDown", "keyUp"]) await tab.send("Input.dispatchKeyEvent", { type, key: "ArrowUp" });
      }
      assert.match(await tab.evaluate<string>(`document.activeElement.innerText`), /^conv2\n/);
      await tab.until(LOOKED);
      assert.match(
        await text(tab, "what-line"),
        /^Most active in conv2: unit \d+, at row \d+, column \d+: activation /,
      );
      // Another method, and the feature maps; then back, and an address of which half is wrong.
      await choose(tab, "method", "occlusion");
      await tab.evaluate(`document.getElementById("maps-of").open = true`);
      await tab.until(
        "document.querySelectorAll('#rules canvas').length === 1 && document.querySelectorAll('#maps canvas').length === 16",
      );
      assert.match(await tab.evaluate<string>("location.hash"), /^#layer=conv2&unit=top&method=occlusion&way=/);
      await tab.evaluate(`document.getElementById("maps-of").open = false, history.back()`);
      await tab.until(LOOKED);
      await tab.evaluate(`location.hash = "#image=3&layer=conv2&unit=99"`);
      await tab.until(`document.getElementById("problems").innerText.includes('names no unit "99" of it')`, 30);
      await tab.until(`${LOOKED} && document.querySelectorAll("#samples [aria-pressed=true]").length === 1`);
      await tab.evaluate(`document.getElementById("search").click()`);
      await tab.until("document.querySelectorAll('#unit-list canvas').length === 16");
      await click(tab, ".unit", "3");
      await tab.until(`document.querySelectorAll("#patches canvas").length === 36 && ${LOOKED}`);
      assert.match(await text(tab, "units-status"), /^unit 3 of conv2: the 9 images that activate it most/);
      assert.match(await text(tab, "what-line"), /^Unit 3 of conv2, at row /);

      await tab.send("Emulation.setDeviceMetricsOverride", {
        width: 360,
        height: 740,
        deviceScaleFactor: 1,
        mobile: true,
      });
      assert.is(await tab.evaluate("document.documentElement.scrollWidth"), 360, "a phone shows all of it");

      // The same unit while it was trained.
      assert.match(await tab.evaluate("document.getElementById('timeline-note').textContent"), /keeps no checkpoints/);
      for (const epoch of [0, 1]) await saveCheckpointOf(folder, epoch, WHITENED, `epoch-${epoch}.safetensors`);
      await tab.evaluate(`document.getElementById("timeline-of").open = true`);
      await tab.until("document.querySelectorAll('#timeline canvas').length === 2");
      assert.match(await text(tab, "timeline"), /^untrained\s+[\d.-]+\s+epoch 1\s+[\d.-]+$/);
      assert.match(await text(tab, "timeline-note"), /^guided of unit 3 of conv2 at this image, and its activation; /);
      await tab.evaluate(`document.getElementById("timeline-of").open = false`);

      // Whatever goes wrong is a line, and the page stays.
      await drop(tab, "words.txt", new TextEncoder().encode("no image"));
      await tab.until(`document.getElementById("image-status").classList.contains("wrong")`);
      assert.match(await text(tab, "image-status"), /^Cannot read "words\.txt" as an image: it is none/);
      writeFileSync(join(folder, CHECKPOINT), "no checkpoint");
      await tab.until(`document.getElementById("problems").innerText.startsWith("Cannot read")`, 30);
      await saveCheckpointOf(folder, 2, WHITENED);
      const shown = `document.getElementById("values").href`, before = await tab.evaluate<string>(shown);
      await tab.until(`document.getElementById("problems").innerText === "" && ${shown} !== "${before}"`, 30);

      await click(tab, ".unit", "5");
      assert.match(await text(tab, "units-status"), /^There is a new checkpoint: the list is of the one before/);
      assert.is(await text(tab, "patches"), "");
      await tab.evaluate(`document.getElementById("search").click()`);
      await tab.until(`document.querySelectorAll("#patches canvas").length === 36`);
      assert.match(await text(tab, "units-status"), /^unit 5 of conv2: /);

      assert.equal(tab.errors.filter((error) => !/status of 422/.test(error)), []);
      const known = new RegExp(`^(${url}|data:,|blob:${url})`);
      assert.equal(tab.requests.filter((address) => !known.test(address)), []);
      await close();
      await tab.until(`/^The server does not answer/.test(document.getElementById("problems").innerText)`, 30);
    } finally {
      await tab.close();
    }
  }, WHITENED);
});

test("where the browser has no WebGPU, the server computes, and the page says so; another run at its address is shown", async () => {
  if (CHROMIUM === null) return console.log("Skipped: no Chromium at $CHROMIUM or /usr/bin/chromium");
  await withServer(async ({ url, port, close }) => {
    const tab = await openTab("about:blank");
    try {
      const source = "Object.defineProperty(navigator, 'gpu', { value: undefined })";
      await tab.send("Page.addScriptToEvaluateOnNewDocument", { source });
      await tab.send("Page.navigate", { url });
      await tab.until(LOOKED); // what the server has at hand
      await tab.until(`document.getElementById("where").value === "server"`);
      assert.match(
        await text(tab, "where-note"),
        /^Computed on the server, since it is not possible in this browser: This browser has no WebGPU/,
      );
      assert.equal(tab.errors, []);
      await close();
      await withServer(
        async () => {
          await tab.until(`document.getElementById("where-note").innerText === ""`, 30);
          await tab.until("document.querySelectorAll('#samples canvas').length === 10");
        },
        WHITENED,
        port,
      );
    } finally {
      await tab.close();
    }
  });
});

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
