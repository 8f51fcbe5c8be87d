import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "fast-png";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { SHAPE_CLASSES } from "../../data/datasets/shapes.ts";
import { softmax } from "../../training/predict.ts";
import { allcnn, inFolder, SMALL } from "./_run.ts";

interface Line {
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  readonly logits: readonly number[];
}

test("evaluate tells of classes and mistakes what its predictions say, as table, JSON and pictures", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`, file = (name: string) => `${folder}/${name}`;
    assert.is((await allcnn(["train", "configs/quickstart.yaml", ...SMALL, "--out", run])).code, 0);
    const plain = await allcnn(["evaluate", run]);
    const [, line, ...others] = plain.stdout.trimEnd().split("\n").filter((each) => !each.endsWith(" ..."));
    assert.match(line!, /^64 images: loss [\d.]+, error [\d.]+ % \(95 % confidence: [\d.]+ to [\d.]+ %\)$/);
    assert.equal(others, [], "one line unless more is asked for");

    const outputs = ["--predictions", file("p.jsonl"), "--png", file("matrix.png"), "--mistakes", file("mistakes.png")];
    const { code, stdout, stderr } = await allcnn(["evaluate", run, "--json", ...outputs]);
    assert.is(code, 0, stderr);
    const lines = readFileSync(file("p.jsonl"), "utf8").trimEnd().split("\n").map((each) => JSON.parse(each) as Line);
    const told = JSON.parse(stdout), wrong = lines.filter(({ label, predicted }) => label !== predicted);
    assert.ok(wrong.length > 0 && wrong.length < 64, `${wrong.length} of 64`);
    assert.equal([told.images, told.error, told.wrongClass], [64, ...Array(2).fill(100 * wrong.length / 64)]);
    assert.ok(told.wrongClassInterval[0] < told.error && told.error < told.wrongClassInterval[1]);
    assert.is(told.top5Error, null);
    for (const [label, { name, images, accuracy }] of told.classes.entries()) {
      const own = lines.filter((each) => each.label === label);
      const counts = SHAPE_CLASSES.map((_, k) => own.filter(({ predicted }) => predicted === k).length);
      assert.equal(told.confusion[label], counts);
      assert.equal([name, images], [SHAPE_CLASSES[label], own.length]);
      assert.is(accuracy, own.length === 0 ? null : 100 * counts[label]! / own.length);
    }
    const sure = ({ logits }: Line) => Math.max(...softmax(Float32Array.from(logits), logits.length));
    const expected = [...wrong].sort((a, b) => sure(b) - sure(a) || a.index - b.index).slice(0, 20);
    assert.equal(
      told.mistakes.map(({ index, label, predicted }: Line) => [index, label, predicted]),
      expected.map(({ index, label, predicted }) => [index, label, predicted]),
    );

    for (const name of ["matrix.png", "mistakes.png"]) {
      const { width, height } = decode(readFileSync(file(name)));
      assert.ok(width > 400 && height > 400, `${name}: ${width}x${height}`);
      assert.ok(stderr.includes(`Written: ${file(name)}\n`), stderr);
    }
    const table = (await allcnn(["evaluate", run, "--classes"])).stdout;
    assert.ok(table.indexOf("64 images: ") < table.indexOf("true class"), "the error line first");
    const rows = table.split("\n").filter((each) => SHAPE_CLASSES.some((name) => each.startsWith(`${name} `)));
    assert.equal(
      rows.map((each) => each.split(/ +/).slice(-10).map((cell) => cell === "." ? 0 : Number(cell))),
      told.confusion,
    );

    writeFileSync(file("notes.md"), "mine");
    for (const option of ["--png", "--mistakes"]) {
      const refused = await allcnn(["evaluate", run, option, file("notes.md")]);
      assert.match(refused.stderr, /^allcnn: Cannot write ".*notes.md": the file there is no picture as PNG/);
    }
    const twice = await allcnn(["evaluate", run, "--png", file("a.png"), "--mistakes", `${folder}/run/../a.png`]);
    assert.match(twice.stderr, /^allcnn: Cannot write twice to /);
    assert.not(existsSync(file("a.png")));
  }));

test.run();
