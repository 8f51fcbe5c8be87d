/** The network that comes along: its file is what the card says, and the samples are what the script draws. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readdirSync, readFileSync } from "node:fs";
import { sha256 } from "../../core/host/safetensors.ts";
import { decodeImage } from "../../data/image.ts";
import { classNames } from "../../data/datasets/mod.ts";
import { svgToPng } from "../../report/png.ts";
import { SAMPLES, sampleSvg } from "../../scripts/sample_drawings.ts";
import { type Measured, modelCard } from "../../scripts/model_card.ts";
import { decode } from "../../training/checkpoint.ts";
import { closeModel } from "../../training/model.ts";
import { loadModel } from "../../training/model_file.ts";
import { getParams } from "../../training/params.ts";
import { gpu } from "../_gpu.ts";

const bytes = new Uint8Array(readFileSync("models/demo.safetensors"));
const measured: Measured = JSON.parse(readFileSync("models/demo.json", "utf8"));

test("the file is small and in half precision, and card and demo.json are of it", async () => {
  assert.ok(bytes.length <= 1e6, `${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const { __metadata__, ...tensors } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const entries = Object.values(tensors) as { dtype: string; shape: number[] }[];
  assert.equal([...new Set(entries.map(({ dtype }) => dtype))], ["F16"]);
  assert.is(entries.flatMap(({ shape }) => shape.reduce((a, b) => a * b)).reduce((a, b) => a + b), measured.parameters);
  assert.equal(measured.file, { bytes: bytes.length, sha256: await sha256(bytes), precision: "f16" });
  const { config, progress } = await decode(bytes, "demo");
  assert.equal(config, measured.config);
  assert.is(progress, null, "parameters alone");

  // But for the line breaks and the widths of columns, which the formatter decides.
  const words = (text: string) => text.replace(/-{3,}/g, "---").split(/\s+/).join(" ");
  assert.is(words(readFileSync("models/README.md", "utf8")), words(modelCard(measured)));
  assert.is(measured.test.examples, 10_000);
});

// By name it is loaded from built files: in the example of `loadModel`, by the program, and in a browser.
test("the file's path and its bytes load the same network", async () => {
  const context = await gpu(), kept = (await decode(bytes, "demo")).tensors;
  for (const source of ["models/demo.safetensors", bytes]) {
    const model = await loadModel(context, source);
    assert.is(model.classes, 10);
    const params = await getParams(model);
    assert.equal(Object.keys(params), Object.keys(kept));
    for (const [name, { data }] of Object.entries(kept)) assert.equal(params[name]!.data, data, name);
    closeModel(model);
  }
});

test("there is a sample of each class, and it is what the script draws", async () => {
  assert.equal(Object.keys(SAMPLES), classNames({ name: "cifar10" }));
  assert.equal(readdirSync("models/samples").sort(), Object.keys(SAMPLES).map((name) => `${name}.png`).sort());
  for (const name of Object.keys(SAMPLES)) {
    const kept = await decodeImage(readFileSync(`models/samples/${name}.png`), name);
    assert.equal(kept, await decodeImage(await svgToPng(sampleSvg(name), 32), name), name);
    assert.equal(kept.shape, [32, 32, 3]);
  }
});

test.run();
