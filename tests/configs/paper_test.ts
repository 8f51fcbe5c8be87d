import { test } from "uvu";
import * as assert from "uvu/assert";
import { readdirSync, readFileSync } from "node:fs";
import { loadConfig } from "../../configs/load.ts";
import { buildNetwork } from "../../layers/network_config.ts";
import { classNames } from "../../data/datasets/mod.ts";
import { describe, traced } from "./_traced.ts";

/** The top of Table 1, the same in all networks: 3x3 without padding takes 8x8 to 6x6, then two 1x1, and the mean. */
const TOP = "3x3 192 /1 pad 0 relu 6; 1x1 192 /1 pad 0 relu 6; 1x1 10 /1 pad 0 relu 6; average 6";

/** All-CNN-C of Table 2. */
const ALL_CNN_C = `dropout 0.2; 3x3 96 /1 pad 1 relu 32; 3x3 96 /1 pad 1 relu 32; 3x3 96 /2 pad 1 relu 16; dropout 0.5;
     3x3 192 /1 pad 1 relu 16; 3x3 192 /1 pad 1 relu 16; 3x3 192 /2 pad 1 relu 8; dropout 0.5; ${TOP}`;

/** Section 3.2: flipped images, and translations by at most 5 pixels in each dimension. */
const SMALL_AUGMENTATION = { pad: 5, flip: true };

/**
 * Tables 1 to 4, typed in. Each convolution: kernel, channels, /stride, padding, activation, height and width of its
 * output; then parameters (weights and biases), test error in percent and, where it is not CIFAR-10 as it is, as in
 * Table 3, the data set.
 */
const NETWORKS: Record<string, [layers: string, params: number, testError: number, dataset?: object]> = {
  "base-a": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; max 3x3 /2 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    839242,
    12.47,
  ],
  "base-b": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 1x1 96 /1 pad 0 relu 32; max 3x3 /2 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 1x1 192 /1 pad 0 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    885610,
    10.20,
  ],
  "base-c": [
    `dropout 0.2; 3x3 96 /1 pad 1 relu 32; 3x3 96 /1 pad 1 relu 32; max 3x3 /2 16; dropout 0.5;
     3x3 192 /1 pad 1 relu 16; 3x3 192 /1 pad 1 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    954730,
    9.74,
  ],
  "strided-a": [
    `dropout 0.2; 5x5 96 /2 pad 2 relu 16; dropout 0.5; 5x5 192 /2 pad 2 relu 8; dropout 0.5; ${TOP}`,
    839242,
    13.46,
  ],
  "strided-b": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 1x1 96 /2 pad 0 relu 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 1x1 192 /2 pad 0 relu 8; dropout 0.5; ${TOP}`,
    885610,
    10.98,
  ],
  "strided-c": [
    `dropout 0.2; 3x3 96 /1 pad 1 relu 32; 3x3 96 /2 pad 1 relu 16; dropout 0.5;
     3x3 192 /1 pad 1 relu 16; 3x3 192 /2 pad 1 relu 8; dropout 0.5; ${TOP}`,
    954730,
    10.19,
  ],
  "convpool-a": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 3x3 96 /1 pad 1 relu 32; max 3x3 /2 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 3x3 192 /1 pad 1 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    1254250,
    10.21,
  ],
  "convpool-b": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 1x1 96 /1 pad 0 relu 32; 3x3 96 /1 pad 1 relu 32; max 3x3 /2 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 1x1 192 /1 pad 0 relu 16; 3x3 192 /1 pad 1 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    1300618,
    9.33,
  ],
  "convpool-c": [
    `dropout 0.2; 3x3 96 /1 pad 1 relu 32; 3x3 96 /1 pad 1 relu 32; 3x3 96 /1 pad 1 relu 32; max 3x3 /2 16; dropout 0.5;
     3x3 192 /1 pad 1 relu 16; 3x3 192 /1 pad 1 relu 16; 3x3 192 /1 pad 1 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    1369738,
    9.31,
  ],
  "allcnn-a": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 3x3 96 /2 pad 1 relu 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 3x3 192 /2 pad 1 relu 8; dropout 0.5; ${TOP}`,
    1254250,
    10.30,
  ],
  "allcnn-b": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 1x1 96 /1 pad 0 relu 32; 3x3 96 /2 pad 1 relu 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 1x1 192 /1 pad 0 relu 16; 3x3 192 /2 pad 1 relu 8; dropout 0.5; ${TOP}`,
    1300618,
    9.10,
  ],
  "allcnn-c": [ALL_CNN_C, 1369738, 9.08],
  "allcnn-c-augmented": [ALL_CNN_C, 1369738, 7.25, { name: "cifar10", augment: SMALL_AUGMENTATION }],
  "allcnn-c-cifar100": [
    ALL_CNN_C.replace("1x1 10 ", "1x1 100 "),
    1387108,
    33.71,
    { name: "cifar100", labels: "fine", augment: SMALL_AUGMENTATION },
  ],
};

for (const [name, [layers, params, testError, dataset]] of Object.entries(NETWORKS)) {
  test(`${name} is the network of the paper, trained on its schedule`, async () => {
    const config = await loadConfig(`configs/${name}.yaml`);
    const { specs, output, ops, params: found } = traced(config, [128, 32, 32, 3]);
    assert.equal(ops.map(describe), layers.split(/;\s+/));
    assert.equal(output, [128, 1, 1, classNames(config.dataset).length]);
    assert.is(found, params);

    const biases = Object.entries(specs).filter(([key]) => key.endsWith("/b"));
    assert.equal(biases.map(([key]) => key), biases.map((_, i) => `conv${i + 1}/b`));
    const values = biases.map(([, { init }]) => "constant" in init ? init.constant : null);
    assert.equal(values, biases.map((_, i) => i === biases.length - 1 ? 1 : 0)); // at 0 the last ReLU dies

    const preprocess = [{ gcn: { scale: 55 } }, { zca: { epsilon: 0.1 } }];
    assert.equal(config.dataset, { ...(dataset ?? { name: "cifar10" }), preprocess });
    const { epochs, batch, optimizer, learningRate } = config.training;
    assert.equal({ epochs, batch, optimizer, learningRate }, {
      epochs: 350,
      batch: 128,
      optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } },
      learningRate: { base: 0.05, factor: 0.1, epochs: [200, 250, 300] },
    });
    assert.equal(config.paper, { table: dataset === undefined ? 3 : 4, testError });
  });
}

for (const file of readdirSync("configs").filter((file) => file.endsWith(".yaml"))) {
  test(`${file} loads, names its schema in the first line, and itself as its file is named`, async () => {
    const path = `configs/${file}`, config = await loadConfig(path);
    assert.is(readFileSync(path, "utf8").split("\n")[0], "# yaml-language-server: $schema=./schema.json");
    assert.is(`${config.name}.yaml`, file);
    assert.ok(buildNetwork(config.name, config.network));
  });
}

test.run();
