import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { colors } from "../data/_pictures.ts";
import { allcnn, inFolder } from "./_run.ts";

const CONFIG = `
name: pictures
dataset: { name: imageFolder, imageFolder: { shortSide: 28, crop: 24, flip: true } }
network:
  - { conv: { name: conv1, channels: 8, kernel: 8, stride: 8, activation: relu } }
  - { conv: { name: conv2, channels: 3, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 2
  batch: 4
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.0005 } }
  learningRate: { base: 0.02 }
  init: { heNormal: {} }
`;

test("a folder of pictures: trained, resumed to the same bytes, evaluated, predicted and timed from the command line", async () => {
  await inFolder(async (folder) => {
    const pictures = await colors(4, 2), data = `--data=${pictures.directory}`, config = join(folder, "pictures.yaml");
    try {
      writeFileSync(config, CONFIG);
      pictures.write("val/b/broken.JPEG", Uint8Array.of(1));
      const run = async (...args: string[]) => {
        const { code, stdout, stderr } = await allcnn(args);
        assert.is(code, 0, stderr);
        return stdout;
      };
      const whole = join(folder, "whole"), parts = join(folder, "parts");
      const told = await run("train", config, data, `--out=${whole}`);
      assert.match(told, /Skipped: .*val\/b\/broken\.JPEG/);
      assert.match(told, /epoch 2\/2: .*waited [\d.]+ % for images/);
      await run("train", config, data, `--out=${parts}`, "--epochs=1");
      await run("train", `--resume=${parts}`, data, "--epochs=2");
      const rows = (out: string) =>
        readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
      assert.equal(rows(parts).map(({ trainLoss, testLoss }) => [trainLoss, testLoss]), [
        ...rows(whole).map(({ trainLoss, testLoss }) => [trainLoss, testLoss]),
      ]);
      assert.equal(rows(whole).map(({ skipped }) => skipped), [0, 0]);
      const predictions = join(folder, "predictions.jsonl");
      assert.match(
        await run("evaluate", whole, data, `--predictions=${predictions}`),
        /^6 images: .*; 1 more could not be read$/m,
      );
      assert.is(readFileSync(predictions, "utf8").trim().split("\n").length, 6);
      const mistakes = join(folder, "mistakes.png"), untrained = join(folder, "untrained");
      await run("train", config, data, `--out=${untrained}`, "--epochs=0");
      await run("evaluate", untrained, data, `--mistakes=${mistakes}`);
      assert.ok(existsSync(mistakes), "mistakes among pictures of several sizes");
      const picture = join(pictures.directory, "val/a/0.JPEG");
      const names = JSON.parse(readFileSync(join(whole, "classes.json"), "utf8")) as string[];
      assert.equal(names, ["a", "b", "c"]);
      const predicted = JSON.parse(await run("predict", whole, picture, "--json")) as { top: { name: string }[] };
      assert.equal(predicted.top.map(({ name }) => name).sort(), names);
      rmSync(join(pictures.directory, "val/a"), { recursive: true });
      assert.match(await run("evaluate", whole, data), /^4 images: /m, "a test folder without one of the classes");
      renameSync(join(pictures.directory, "val/c"), join(pictures.directory, "val/d"));
      assert.match(
        (await allcnn(["evaluate", whole, data])).stderr,
        /its class "d" is none that the network was trained on/,
      );
      renameSync(join(pictures.directory, "val/d"), join(pictures.directory, "val/c"));
      writeFileSync(join(whole, "classes.json"), '["a", "b", "other"]');
      const { code, stderr } = await allcnn(["train", `--resume=${whole}`, data, "--epochs=3"]);
      assert.is(code, 1);
      assert.match(stderr, /class 2 of the pictures is "c", in ".*classes.json" it is "other"/);
      assert.match(
        await run("bench", config, data, "--steps=2"),
        /Pictures \(12 files\): \d+ decoded per second and core/,
      );
    } finally {
      pictures.remove();
    }
  });
});

test.run();
