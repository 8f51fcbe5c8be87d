import { test } from "uvu";
import * as assert from "uvu/assert";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import sharp from "sharp";
import { generateShapes, SHAPE_CLASSES } from "../../data/datasets/shapes.ts";
import { softmax } from "../../training/predict.ts";
import { allcnn, denoRun, execute, inFolder, SMALL } from "./_run.ts";

const COUNT = 64; // the test examples of SMALL, so that evaluation and prediction share their shaders
const SIZE = 32 * 32 * 3;

interface Line {
  readonly image: string;
  readonly top: readonly { readonly class: number; readonly name: string; readonly probability: number }[];
}

const linesOf = (text: string) => text.trimEnd().split("\n");

/** The test images as PNG files. */
async function writeImages(folder: string): Promise<string[]> {
  const { images } = generateShapes(1, "test", COUNT);
  return await Promise.all(Array.from({ length: COUNT }, async (_, i) => {
    const raw = { width: 32, height: 32, channels: 3 } as const, path = `${folder}/${i}.png`;
    await sharp(Uint8Array.from(images.subarray(i * SIZE, (i + 1) * SIZE)), { raw }).png().toFile(path);
    return path;
  }));
}

test("predict says of PNG files what evaluate says of the test images; bad files are a line each and stop nothing", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`, predictions = `${folder}/predictions.jsonl`, paths = await writeImages(folder);
    writeFileSync(`${folder}/text.png`, "no image");
    assert.is((await allcnn(["train", "configs/quickstart.yaml", ...SMALL, "--out", run])).code, 0);
    assert.is((await allcnn(["evaluate", run, "--predictions", predictions])).code, 0);
    const evaluated = linesOf(readFileSync(predictions, "utf8")).map((line) => JSON.parse(line));

    const [first, ...others] = paths, bad = [`${folder}/text.png`, `${folder}/missing.png`];
    const all = ["predict", run, first!, ...bad, ...others];
    const { code, stdout, stderr } = await allcnn([...all, "--json", "--top", "20"]);
    assert.is(code, 1);
    const complaints = linesOf(stderr).filter((line) => line.startsWith("allcnn: "));
    assert.is(complaints.length, 2, stderr);
    assert.match(complaints[0]!, /Cannot read ".*\/text.png" as an image: it is none/);
    assert.match(complaints[1]!, /Cannot read ".*\/missing.png": it does not exist/);
    assert.match(stderr, /^Device: /m);

    const lines: Line[] = linesOf(stdout).map((line) => JSON.parse(line));
    assert.equal(lines.map(({ image }) => image), paths);
    for (const [index, { top }] of lines.entries()) {
      const { logits, predicted } = evaluated[index];
      const expected = softmax(Float32Array.from(logits), SHAPE_CLASSES.length);
      assert.is(top[0]!.class, predicted, `image ${index}`);
      assert.is(top.length, SHAPE_CLASSES.length);
      for (const [place, { class: label, name, probability }] of top.entries()) {
        assert.is(name, SHAPE_CLASSES[label]);
        assert.ok(
          Math.abs(probability - expected[label]!) < 1e-6,
          `image ${index}: ${probability}, ${expected[label]}`,
        );
        assert.ok(place === 0 || probability <= top[place - 1]!.probability);
      }
    }
    // The images differ, so that a wrong order would show.
    assert.ok(new Set(lines.map(({ top }) => top[0]!.probability)).size > COUNT / 2);

    // Folders of pictures, by name, a pipe among them told; behind a pipe that nobody reads any more the program ends without a word.
    execFileSync("mkfifo", [`${folder}/pipe.png`]);
    const folders = await allcnn(["predict", run, folder, "--json"]);
    assert.match(folders.stderr, /Cannot read ".*\/pipe.png": it is no file, but a pipe/);
    rmSync(`${folder}/pipe.png`);
    assert.is(folders.code, 1, "text.png is no picture");
    assert.equal(linesOf(folders.stdout).map((line) => JSON.parse(line).image), [...paths].sort());
    const piped = ["predict", run, folder, folder, folder, folder, "--json"].join(" ");
    const head = await execute("bash", ["-c", `node dist/allcnn.js ${piped} 2> ${folder}/errors | head -1`]);
    assert.is(linesOf(head.stdout).length, 1);
    assert.not.match(readFileSync(`${folder}/errors`, "utf8"), /EPIPE|at .*:\d+/);

    const text = await (denoRun(["allcnn.ts", "predict", run, ...paths]) ?? allcnn(["predict", run, ...paths]));
    assert.is(text.code, 0, text.stderr);
    const blocks = linesOf(text.stdout).filter((line) => !/^Device: |\.\.\.$/.test(line));
    assert.is(blocks.length, COUNT * 6);
    const { top } = lines[7]!, block = blocks.slice(42, 48);
    assert.is(block[0], paths[7]);
    for (const [place, { name, probability }] of top.slice(0, 5).entries()) {
      const [, shown, percent] = /^ {2}(\S.*?) +(\d+\.\d\d) %( =+)?$/.exec(block[place + 1]!)!;
      assert.ok(Math.abs(Number(percent) - 100 * probability) < 0.006, block[place + 1]);
      if (place === 0 || probability < top[place - 1]!.probability - 1e-6) assert.is(shown, name);
    }
  }));

test("where sharp is not installed or does not load, predict says so once and how to get it", () =>
  inFolder(async (folder) => {
    writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
    for (const name of ["allcnn.js", "program.js"]) copyFileSync(`dist/${name}`, `${folder}/${name}`);
    mkdirSync(`${folder}/node_modules`);
    for (const name of readdirSync("node_modules").filter((name) => name !== "sharp" && !name.startsWith("."))) {
      symlinkSync(`${process.cwd()}/node_modules/${name}`, `${folder}/node_modules/${name}`);
    }
    const predict = () => execute(process.execPath, [`${folder}/allcnn.js`, "predict", folder, "a.png", "b.png"]);
    const missing = await predict();
    assert.is(missing.code, 1);
    assert.match(missing.stderr, /^allcnn: Cannot decode images: the npm package sharp is not installed, .*\n$/);
    mkdirSync(`${folder}/node_modules/sharp`);
    writeFileSync(`${folder}/node_modules/sharp/index.js`, 'throw new Error("No binary for this system.\\nTry: this")');
    const broken = await predict();
    assert.is(broken.code, 1);
    assert.match(broken.stderr, /^allcnn: .* sharp does not load here \(No binary for this system\), .*\n$/);
    assert.is((await execute(process.execPath, [`${folder}/allcnn.js`, "--help"])).code, 0);
  }));

test.run();
