/** The page of `allcnn serve` in a headless Chromium: what it computes there agrees with Node. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeImage, resizeTo } from "../../data/image.ts";
import { explain, type Way } from "../../explain/explain.ts";
import { poolModel } from "../../explain/pool_model.ts";
import { loadModel } from "../../training/model_file.ts";
import { preprocess } from "../../training/preprocess.ts";
import { gpu } from "../_gpu.ts";
import { jpeg } from "../data/_pictures.ts";
import { CHECKPOINT, saveCheckpointOf, WHITENED, withServer } from "../serve/_served.ts";
import { CHROMIUM } from "./_chromium.ts";
import { agree, choose, click, drop, LOOKED, text, values } from "./_explored.ts";
import { openTab } from "./_tab.ts";

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

test.run();
