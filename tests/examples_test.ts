/** Each file of examples/ is short, runs in Node and in Deno, and prints what a newcomer expects. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import sharp from "sharp";
import { parseConfig } from "../configs/load.ts";
import { generateShapes, SHAPE_CLASSES } from "../data/datasets/shapes.ts";
import { closeModel, openModel } from "../training/model.ts";
import { saveModel } from "../training/model_file.ts";
import { predict } from "../training/predict.ts";
import { preprocess } from "../training/preprocess.ts";
import { gpu } from "./_gpu.ts";
import { denoRun, execute, inFolder, type Result } from "./cli/_run.ts";

const NAMES = readdirSync("examples").filter((name) => name.endsWith(".ts")).sort(); // browser/ is tested in a browser
const OUT = "dist/examples";

/** The lines that an example prints, in Node and, where it is installed, in Deno. */
async function lines(name: string, args: readonly string[], cache: string): Promise<string[][]> {
  await build({
    entryPoints: [`examples/${name}.ts`],
    outdir: OUT,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20", // which lacks `using`
    packages: "external",
  });
  const env = { ALLCNN_CACHE: cache }, results: Result[] = [];
  results.push(await execute(process.execPath, [`${OUT}/${name}.js`, ...args], { env }));
  const inDeno = await denoRun([`examples/${name}.ts`, ...args], { env });
  if (inDeno === null) console.log(`skipped: ${name} in Deno, which is not installed`);
  else results.push(inDeno);
  return results.map(({ code, stdout, stderr }) => {
    assert.is(code, 0, `${name}: ${stdout}${stderr}`);
    assert.is(stderr.trim(), "", name);
    return stdout.trim().split("\n");
  });
}

test("each example has fewer than 40 lines, and there is a test of each", () => {
  assert.equal(NAMES, ["classify_image.ts", "new_layer.ts", "one_kernel.ts", "train_on_arrays.ts"]);
  for (const name of NAMES) {
    const count = readFileSync(`examples/${name}`, "utf8").trimEnd().split("\n").length;
    assert.ok(count < 40, `${name} has ${count} lines`);
  }
});

test("train_on_arrays learns the three kinds of stripes", async () => {
  await inFolder(async (folder) => {
    for (const printed of await lines("train_on_arrays", [], folder)) {
      assert.is(printed.length, 8, printed.join("\n"));
      const losses = printed.slice(0, 6).map((line) => Number(/^epoch \d: loss (\d\.\d+)$/.exec(line)![1]));
      assert.ok(losses[5]! < 0.3 * losses[0]!, printed.join("\n"));
      assert.ok(Number(/images: (\S+) %/.exec(printed[6]!)![1]) < 10, printed.join("\n"));
      assert.match(printed[7]!, /rows: (1\.00|0\.[5-9]\d)/);
    }
  });
});

test("new_layer trains through its own forward and backward kernels", async () => {
  await inFolder(async (folder) => {
    for (const [line] of await lines("new_layer", [], folder)) {
      const losses = line!.split(": ")[1]!.split(", ").map(Number);
      assert.is(losses.length, 8);
      assert.ok(losses[7]! < 0.6 * losses[0]!, line);
    }
  });
});

test("one_kernel shows a shader and computes with it", async () => {
  await inFolder(async (folder) => {
    for (const printed of await lines("one_kernel", [], folder)) {
      assert.match(printed.join("\n"), /^chosen of \d+: \{"family":/m);
      assert.match(printed.join("\n"), "var<storage, read>");
      assert.is(printed.at(-1), "corner, 4 of 9 taps inside: 4 * 0.5 + 1 = 3; edge, 6 inside: 6 * 0.5 + 1 = 4");
    }
  });
});

const CONFIG = `
name: tiny
dataset: { name: shapes }
network:
  - { conv: { name: conv1, channels: 10, kernel: 3, stride: 4 } }
  - globalAveragePool
training:
  epochs: 1
  batch: 16
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } }
  learningRate: { base: 0.01 }
  init: { heNormal: {} }
`;

test("classify_image prints the classes that the network finds most probable", async () => {
  const { images, shape: [height, width] } = generateShapes(3, "test", 5);
  const image = images.subarray(4 * 3072), context = await gpu();
  const model = await openModel(context, parseConfig(CONFIG, "tiny.yaml"));
  const probabilities = await predict(model, await preprocess(model, image));
  await inFolder(async (folder) => {
    await saveModel(model, `${folder}/tiny.safetensors`);
    await sharp(Uint8Array.from(image), { raw: { width, height, channels: 3 } }).png().toFile(`${folder}/image.png`);
    const expected = Array.from(probabilities, (value, i) => ({ value, name: SHAPE_CLASSES[i]! }))
      .sort((a, b) => b.value - a.value).slice(0, 5).map(({ value, name }) => `${(100 * value).toFixed(1)} % ${name}`);
    for (
      const printed of await lines("classify_image", [`${folder}/tiny.safetensors`, `${folder}/image.png`], folder)
    ) {
      assert.equal(printed, [`${folder}/image.png, 32x32 pixels, shows:`, ...expected]);
    }
  });
  closeModel(model);
});

test.run();
