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

const NAMES = readdirSync("examples").filter((name) => /^[a-z].*\.ts$/.test(name)).sort(); // browser/ is tested in a browser
/** In dist/, as the package's module, so that configs are found by name. */
const outfileOf = (name: string) => `dist/example_${name}.js`;

/** The lines that an example prints, in Node and, where it is installed, in Deno. */
async function lines(name: string, args: readonly string[], cache: string, deno = true): Promise<string[][]> {
  await build({
    entryPoints: [`examples/${name}.ts`],
    outfile: outfileOf(name),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20", // which lacks `using`
    packages: "external",
  });
  const env = { ALLCNN_CACHE: cache }, results: Result[] = [];
  results.push(await execute(process.execPath, [outfileOf(name), ...args], { env }));
  const inDeno = deno ? await denoRun([`examples/${name}.ts`, ...args], { env }) : "not asked for";
  if (inDeno === null) console.log(`skipped: ${name} in Deno, which is not installed`);
  else if (inDeno !== "not asked for") results.push(inDeno);
  return results.map(({ code, stdout, stderr }) => {
    assert.is(code, 0, `${name}: ${stdout}${stderr}`);
    assert.is(stderr.trim(), "", name);
    return stdout.trim().split("\n");
  });
}

/** Most lines that an example may have, formatted, a statement each; imports, comments and made-up data aside. */
const MOST_LINES: Record<string, number> = {
  adamw: 8,
  batch_norm: 8,
  classify_image: 40,
  fine_tune: 12,
  multi_label: 12,
  new_layer: 40,
  one_kernel: 40,
  own_loss: 16,
  predict_frames: 10,
  residual_network: 10,
  stream_data: 12,
  train_on_arrays: 14,
  tune_kernel: 60,
};

test("there is a test of each example, and none has more lines than it may", () => {
  assert.equal(NAMES, Object.keys(MOST_LINES).map((name) => `${name}.ts`));
  for (const [name, most] of Object.entries(MOST_LINES)) {
    const code = readFileSync(`examples/${name}.ts`, "utf8").replaceAll(/^import [^;]*;\n/gm, "")
      .replaceAll(/^const (?:labels|images|data|levels|valueOf) [^]*?;(?: \/\/.*)?\n(?=\w|\n)/gm, "");
    const lines = code.split("\n").filter((line) => line.trim() !== "" && !/^\s*\/[/*]/.test(line));
    assert.ok(lines.length <= most, `${name} has ${lines.length} lines: ${lines.join("\n")}`);
  }
});

/** What the last line of an example must be. */
const PRINTED: Record<string, RegExp> = {
  adamw: /^error: 0\.0 %$/,
  batch_norm: /^error: 0\.0 %$/,
  fine_tune: /^error: [0-5]\.\d %$/,
  multi_label: /^of both: rows (1\.00|0\.[89]\d), columns (1\.00|0\.[89]\d)$/,
  own_loss: /^of brightness 2 and 3: (1\.[6-9]|2\.[0-4]) and (2\.[6-9]|3\.[0-4])$/,
  predict_frames: /^class \d, probability [01]\.\d\d$/,
  residual_network: /^the unit of block1\/conv1 that answers most: \d$/,
  stream_data: /, \d\.\d$/,
  train_on_arrays: /^rows, columns, noise: (1|0\.[5-9]\d*),/,
};

for (const [name, expected] of Object.entries(PRINTED)) {
  test(`${name} does what it says`, () =>
    inFolder(async (folder) => {
      for (const printed of await lines(name, [], folder, name === "predict_frames")) {
        assert.match(printed.at(-1)!, expected, printed.join("\n"));
      }
    }));
}

test("tune_kernel finds the wrong tunings, and none of them wins", async () => {
  await inFolder(async (folder) => {
    for (const printed of await lines("tune_kernel", [], folder)) {
      const wrong = printed.filter((line) => line.includes("rejected: computes y wrong"));
      assert.is(wrong.length, 2, printed.join("\n"));
      assert.ok(wrong.every((line) => line.includes("no barrier")));
      assert.match(printed.at(-1)!, /^chosen: \{"size":\d+,"through":"(nothing|memory)"\}; .*: 1027 = 1027$/);
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
