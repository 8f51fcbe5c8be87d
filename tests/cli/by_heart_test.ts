import { test } from "uvu";
import * as assert from "uvu/assert";
import { symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { stringify } from "yaml";
import { loadConfig } from "../../configs/load.ts";
import { listImageFolder } from "../../data/image_folder.ts";
import { allcnn, inFolder } from "./_run.ts";

/** Channels are divided by this, height and width of the images by 2. */
const NARROWER = 8;
/** A larger rate makes the last ReLU of so narrow a network die; the smaller one at the end settles it. */
const SETTINGS = { epochs: 150, batch: 9, learningRate: { base: 0.003, factor: 0.1, epochs: [130] } };

const name = "a narrow copy of the network for ImageNet learns the photos of a few classes by heart";
const photos = process.env["ALLCNN_IMAGENET"];
if (photos === undefined) {
  console.log(`skipped: "${name}" needs a few photos, name their folder (val/<class>/*.JPEG) in ALLCNN_IMAGENET`);
} else {
  test(name, async () => {
    await inFolder(async (folder) => {
      const val = resolve(photos, "val"), { classes } = await listImageFolder(photos, "val");
      for (const split of ["train", "val"]) symlinkSync(val, join(folder, split));
      const { dataset, network, training, paper: _, ...rest } = await loadConfig("configs/allcnn-b-imagenet.yaml");
      const convs = network.map((layer) => (layer as { conv?: { channels: number } }).conv);
      const last = convs.findLastIndex((conv) => conv !== undefined);
      const { epochs, batch, learningRate } = SETTINGS, { iterations: __, ...length } = training;
      const narrow = {
        ...rest,
        dataset: { ...dataset, imageFolder: { shortSide: 112, crop: 112, flip: false } },
        network: network.map((layer, index) =>
          convs[index] === undefined ? layer : {
            conv: { ...convs[index], channels: index === last ? classes.length : convs[index].channels / NARROWER },
          }
        ),
        training: { ...length, epochs, batch, evaluateEvery: 10, learningRate },
      };
      const config = join(folder, "narrow.yaml"), out = join(folder, "run");
      writeFileSync(config, stringify(narrow));
      const { code, stdout, stderr } = await allcnn(["train", config, `--data=${folder}`, `--out=${out}`]);
      assert.is(code, 0, stderr);
      const evaluations = stdout.split("\n").filter((line) => line.includes("test error"));
      console.log(evaluations.join("\n"));
      const error = Number(/test error ([\d.]+) %/.exec(evaluations.at(-1)!)![1]);
      assert.ok(error <= 5, `${error} % of the photos it was trained on`);
    });
  });
}

test.run();
