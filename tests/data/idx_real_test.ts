/** IDX files of real pictures: CIFAR-10's, their middle of 28x28 pixels in grey, opened by a config as MNIST's would be. */
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  buildNetwork,
  type Dataset,
  evaluate,
  openModel,
  parseConfig,
  prepare,
  readCifar10,
  train,
} from "../../mod.ts";
import { closeModel } from "../../training/model.ts";
import { inFolder } from "../cli/_run.ts";
import { gpu } from "../_gpu.ts";
import { CIFAR10, skipped } from "../training/_data.ts";

const COUNTS = { train: 1000, test: 500 }, SIDE = 28, IMAGE = SIDE * SIDE;

const CONFIG = `
name: grey
dataset: { name: mnist }
network:
  - { conv: { name: conv1, channels: 8, kernel: 5, stride: 3, activation: relu } }
  - { dense: { name: dense, channels: 10 } }
training:
  epochs: 6
  batch: 50
  optimizer: { adam: {} }
  learningRate: { base: 0.01 }
  init: { heNormal: {} }
`;

/** The grey value (ITU-R BT.601) of a CIFAR image [32, 32, 3], row and column from the corner of its middle. */
function grey({ images }: Dataset, n: number, row: number, column: number): number {
  const at = ((n * 32 + row + 2) * 32 + column + 2) * 3;
  return 0.299 * images[at]! + 0.587 * images[at + 1]! + 0.114 * images[at + 2]!;
}

/** Big-endian numbers, then bytes. */
function file(header: readonly number[], bytes: Uint8Array): Uint8Array {
  const made = new Uint8Array(4 * header.length + bytes.length), view = new DataView(made.buffer);
  header.forEach((value, i) => view.setUint32(4 * i, value));
  made.set(bytes, 4 * header.length);
  return made;
}

/** Both files of a split, as MNIST's are called. */
function filesOf(data: Dataset): { images: Uint8Array; labels: Uint8Array } {
  const pixels = new Uint8Array(data.count * IMAGE);
  let at = 0;
  for (let n = 0; n < data.count; n++) {
    for (let row = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++) pixels[at++] = Math.round(grey(data, n, row, column));
    }
  }
  const labels = file([0x801, data.count], Uint8Array.from(data.labels));
  return { images: file([0x803, data.count, SIDE, SIDE], pixels), labels };
}

const NAME = "IDX files of real pictures have their pixels and labels, and a network learns from them";
test(NAME, async () => {
  if (!CIFAR10) return skipped(NAME);
  const colour = {
    train: await readCifar10(CIFAR10, "train", COUNTS.train),
    test: await readCifar10(CIFAR10, "test", COUNTS.test),
  };
  await inFolder(async (directory) => {
    const [whole, packed] = [filesOf(colour.test), filesOf(colour.train)];
    writeFileSync(`${directory}/t10k-images-idx3-ubyte`, whole.images);
    writeFileSync(`${directory}/t10k-labels-idx1-ubyte`, whole.labels);
    writeFileSync(`${directory}/train-images-idx3-ubyte.gz`, gzipSync(packed.images));
    writeFileSync(`${directory}/train-labels-idx1-ubyte.gz`, gzipSync(packed.labels));

    const device = await gpu(), { name, dataset, network, training } = parseConfig(CONFIG, "grey.yaml");
    const open = (split: "train" | "test") => prepare(device, { config: dataset, directory }, split, null);
    const [seen, unseen] = [await open("train"), await open("test")];
    for (const [split, data] of [["train", seen], ["test", unseen]] as const) {
      assert.equal([data.count, data.shape], [COUNTS[split], [SIDE, SIDE, 1]]);
      assert.equal([...data.labels], [...colour[split].labels]);
      data.images.forEach((value, i) => {
        const n = Math.floor(i / IMAGE), row = Math.floor(i / SIDE) % SIDE, column = i % SIDE;
        const error = Math.abs(127.5 * (value + 1) - grey(colour[split], n, row, column)); // they are scaled to -1 ... 1
        if (error > 0.5 + 1e-4) assert.unreachable(`${split}: image ${n}, row ${row}, column ${column}: ${error} away`);
      });
    }
    assert.equal([...seen.labels.subarray(0, 6)], [6, 9, 9, 4, 1, 1]); // frog, truck, truck, deer, automobile, automobile

    const model = await openModel(device, { network: buildNetwork(name, network), input: seen.shape }, { seed: 1 });
    // On a CPU the loss falls from 2.24 to 1.17, and 69 % of the test images are wrong; whoever guesses has 90 %.
    const losses = (await train(model, seen, training)).map(({ trainLoss }) => trainLoss);
    assert.ok(losses.at(-1)! < 0.8 * losses[0]!, losses.join(", "));
    const { error } = await evaluate(model, unseen);
    assert.ok(error < 85, `${error} % of the test images are wrong`);
    closeModel(model);
  });
});

test.run();
