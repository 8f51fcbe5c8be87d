/** IDX files that the test makes: generated shapes, grey, their middle of 28x28 pixels. */
import { Buffer } from "node:buffer";
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { classNames, readImages } from "../../data/datasets/mod.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import { conv } from "../../layers/conv.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { sequential } from "../../layers/sequential.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { train } from "../../training/train.ts";
import { inFolder } from "../cli/_run.ts";
import { gpu } from "../_gpu.ts";

function grey(split: "train" | "test", count: number) {
  const { images, labels } = generateShapes(1, split, count), pixels = new Uint8Array(count * 784);
  pixels.forEach((_, i) => {
    const n = Math.floor(i / 784), row = Math.floor(i / 28) % 28 + 2, column = i % 28 + 2;
    const at = ((n * 32 + row) * 32 + column) * 3;
    pixels[i] = Math.round((images[at]! + images[at + 1]! + images[at + 2]!) / 3);
  });
  return { pixels, labels: Uint8Array.from(labels) };
}

function idx(magic: number, sizes: readonly number[], bytes: Uint8Array): Uint8Array {
  const file = new Uint8Array(4 + 4 * sizes.length + bytes.length), view = new DataView(file.buffer);
  [magic, ...sizes].forEach((value, i) => view.setUint32(4 * i, value));
  file.set(bytes, 4 + 4 * sizes.length);
  return file;
}

const TRAIN = grey("train", 40), TEST = grey("test", 20);
const FILES: Readonly<Record<string, Uint8Array>> = {
  "train-images-idx3-ubyte": idx(0x803, [40, 28, 28], TRAIN.pixels),
  "train-labels-idx1-ubyte": idx(0x801, [40], TRAIN.labels),
  "t10k-images-idx3-ubyte": idx(0x803, [20, 28, 28], TEST.pixels),
  "t10k-labels-idx1-ubyte": idx(0x801, [20], TEST.labels),
};
const write = (folder: string, changed: Readonly<Record<string, Uint8Array | null>> = {}) =>
  Object.entries({ ...FILES, ...changed }).forEach(([file, bytes]) =>
    bytes !== null && writeFileSync(`${folder}/${file}`, bytes)
  );

test("reads both splits, a few examples too, and packed files from where torchvision puts them", async () => {
  await inFolder(async (folder) => {
    write(folder);
    const { images, labels, count, shape } = await readImages({ name: "mnist" }, { directory: folder, split: "train" });
    assert.equal([count, shape, images.length], [40, [28, 28, 1], 40 * 784]);
    assert.ok(images.every((value, i) => value === TRAIN.pixels[i]) && labels.every((l, i) => l === TRAIN.labels[i]));
    const few = await readImages({ name: "mnist" }, { directory: folder, split: "test", limit: 3 });
    assert.equal([few.count, few.labels.length, few.images.length], [3, 3, 3 * 784]);
    assert.ok(few.images.every((value, i) => value === TEST.pixels[i]));

    mkdirSync(`${folder}/packed/FashionMNIST/raw`, { recursive: true });
    const packed = Object.fromEntries(Object.entries(FILES).map(([file, bytes]) => [`${file}.gz`, gzipSync(bytes)]));
    for (const [file, bytes] of Object.entries(packed)) {
      writeFileSync(`${folder}/packed/FashionMNIST/raw/${file}`, bytes);
    }
    const clothes = { name: "fashionMnist" } as const;
    const same = await readImages(clothes, { directory: `${folder}/packed`, split: "train" });
    assert.ok(same.images.every((value, i) => value === images[i]));
    assert.is(classNames(clothes)[9], "ankle_boot");
  });
});

/** So many zeros, packed: members of gzip one behind the other are one file. */
function zeros(bytes: number): Uint8Array {
  const member = gzipSync(new Uint8Array(2 ** 24));
  return Buffer.concat(Array.from({ length: Math.ceil(bytes / 2 ** 24) }, () => member));
}

test("files are found as other programs unpack them: with a dot, or in folders of their names", async () => {
  await inFolder(async (folder) => {
    for (const [file, bytes] of Object.entries(FILES)) {
      writeFileSync(`${folder}/${file.replace("-idx", ".idx")}`, bytes);
      mkdirSync(`${folder}/own/${file}`, { recursive: true });
      writeFileSync(`${folder}/own/${file}/${file}`, bytes);
    }
    for (const directory of [folder, `${folder}/own`]) {
      assert.is((await readImages({ name: "mnist" }, { directory, split: "test" })).count, 20);
    }
  });
});

const IMAGES = "train-images-idx3-ubyte", LABELS = "train-labels-idx1-ubyte";
const WRONG: readonly (readonly [what: string, files: Record<string, Uint8Array | null>, message: RegExp])[] = [
  [
    "a missing file",
    { [LABELS]: null },
    /Cannot find MNIST in ".*": no "train-labels-idx1-ubyte" or .*; name the folder/,
  ],
  ["labels as images", { [IMAGES]: FILES[LABELS]! }, /idx3-ubyte": it starts with 0x00000801, expected 0x00000803/],
  ["an empty file", { [LABELS]: new Uint8Array(3) }, /found 3 bytes, which is no IDX file/],
  ["a cut file", { [IMAGES]: FILES[IMAGES]!.subarray(0, 999) }, /tells of 40 images, 31376 bytes, found 999/],
  ["another size", { [IMAGES]: idx(0x803, [10, 32, 98], TRAIN.pixels) }, /its images are 32x98, expected 28x28/],
  ["fewer labels", { [LABELS]: idx(0x801, [39], TRAIN.labels.subarray(1)) }, /it has 39 labels, ".*" 40 images/],
  ["a label of none", { [LABELS]: idx(0x801, [40], TRAIN.labels.map(() => 10)) }, /label 0 is 10, expected 0..9/],
  ["the labels of another data set", {
    [LABELS]: idx(0x801, [40], TRAIN.labels.map((label, i) => [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9][i] ?? label)),
  }, /Cannot read ".*labels.*" as MNIST: it holds the labels of Fashion-MNIST/],
  ["a pointer", { [IMAGES]: new TextEncoder().encode("version https://git-lfs.github.com/spec/v1") }, /of Git LFS/],
  ["another version", { [IMAGES]: null, "mnist.npz": new Uint8Array(9) }, /no "train-.*", it holds Keras' version/],
  [
    "more than its header tells of",
    { [IMAGES]: null, [`${IMAGES}.gz`]: Buffer.concat([gzipSync(FILES[IMAGES]!), zeros(2 ** 32)]) },
    /"\/.*train-images-idx3-ubyte.gz": its header tells of 40 images, 31376 bytes, and .* more in it; download MNIST again/,
  ],
  [
    "a byte more than its header tells of",
    { [LABELS]: null, [`${LABELS}.gz`]: gzipSync(idx(0x801, [39], TRAIN.labels)) },
    /train-labels-idx1-ubyte.gz": its header tells of 39 labels, 47 bytes, and there are more in it/,
  ],
  [
    "a header that tells of too much",
    { [IMAGES]: null, [`${IMAGES}.gz`]: gzipSync(idx(0x803, [2 ** 32 - 1, 28, 28], TRAIN.pixels)) },
    /its header tells of 4294967295 images, 3367254359296 bytes, which is more than 1 GiB; download/,
  ],
  ["zeros, packed", { [IMAGES]: null, [`${IMAGES}.gz`]: zeros(2 ** 32) }, /it starts with 0x00000000, expected/],
  [
    "too few, packed",
    { [IMAGES]: null, [`${IMAGES}.gz`]: gzipSync(new Uint8Array(15)) },
    /found 15 bytes, which is no/,
  ],
  ["no gzip", { [IMAGES]: null, [`${IMAGES}.gz`]: FILES[IMAGES]! }, /Cannot unpack ".*idx3-ubyte.gz"/],
];
for (const [what, files, message] of WRONG) {
  test(`${what}: one line names the file and what is wrong`, async () => {
    await inFolder(async (folder) => {
      write(folder, files);
      const error = await readImages({ name: "mnist" }, { directory: folder, split: "train" }).catch((e: unknown) => e);
      assert.instance(error, UserError, String(error));
      assert.match((error as UserError).message, message);
      assert.not.match((error as UserError).message, "\n");
    });
  });
}

test("a tiny network trains on them for an epoch", async () => {
  await inFolder(async (folder) => {
    write(folder);
    const data = await readImages({ name: "mnist" }, { directory: folder, split: "train" });
    const network = sequential("digits", [
      conv("conv1", { channels: 8, kernel: 5, stride: 3, activation: "relu" }),
      conv("conv2", { channels: 10, kernel: 1 }),
      globalAveragePool("average"),
    ]);
    const model = await openModel(await gpu(), { network, input: [28, 28, 1] }, { seed: 1 });
    const scaled = { ...data, images: data.images.map((value) => value / 255 - 0.5) }, optimizer = { adam: {} };
    const rows = await train(model, scaled, { epochs: 1, batch: 8, learningRate: { base: 0.01 }, optimizer });
    assert.ok(Number.isFinite(rows[0]!.trainLoss) && rows[0]!.trainLoss < 3, `${rows[0]!.trainLoss}`);
    closeModel(model);
  });
});

test.run();
