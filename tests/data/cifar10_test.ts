import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { CIFAR10_CLASSES, readCifar10 } from "../../data/datasets/cifar10.ts";

const RECORD = 3073;
const root = mkdtempSync(join(tmpdir(), "allcnn-cifar10-"));
const folder = join(root, "cifar-10-batches-bin");

/** A file of real size whose every byte is a function of its place, so that a mix-up of planes or records shows. */
function batch(salt: number): Uint8Array {
  const bytes = new Uint8Array(10_000 * RECORD);
  for (let i = 0; i < bytes.length; i++) bytes[i] = i % RECORD === 0 ? (i / RECORD + salt) % 10 : (i * 7 + salt) % 251;
  return bytes;
}

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, UserError);
  return (error as UserError).message;
}

test.before(() => {
  mkdirSync(folder);
  writeFileSync(join(folder, "data_batch_1.bin"), batch(1));
  writeFileSync(join(folder, "data_batch_2.bin"), batch(2));
  writeFileSync(join(folder, "data_batch_3.bin"), new Uint8Array(RECORD));
});
test.after(() => rmSync(root, { recursive: true }));

test("decodes planes to interleaved channels, across two files", async () => {
  const { images, labels, count, shape } = await readCifar10(folder, "train", 10_002);
  assert.is(count, 10_002);
  assert.equal(shape, [32, 32, 3]);
  assert.is(images.length, 10_002 * 3072);
  assert.equal([...labels.subarray(0, 3)], [1, 2, 3]);
  assert.equal([...labels.subarray(9_999)], [0, 2, 3]);
  for (const [record, y, x, channel] of [[0, 0, 0, 0], [1, 5, 31, 1], [9_999, 31, 0, 2], [10_001, 17, 4, 2]] as const) {
    const salt = record < 10_000 ? 1 : 2;
    const byte = (record % 10_000) * RECORD + 1 + channel * 1024 + y * 32 + x;
    assert.is(images[record * 3072 + (y * 32 + x) * 3 + channel], (byte * 7 + salt) % 251);
  }
});

test("finds the folder inside the given one and reads no file beyond the limit", async () => {
  const { count, labels } = await readCifar10(root, "train", 2);
  assert.is(count, 2);
  assert.equal([...labels], [1, 2]);
});

test("names the file, the size found and the size expected", async () => {
  const message = await failure(readCifar10(root, "train"));
  assert.match(message, "data_batch_3.bin");
  assert.match(message, "found 3073 bytes, expected 30730000, it is truncated");
});

test("names the missing file", async () => {
  assert.match(await failure(readCifar10(root, "test")), /^Cannot find ".*test_batch.bin"/);
});

test("names file, record and label of a wrong label", async () => {
  const bytes = batch(0);
  bytes[42 * RECORD] = 10;
  writeFileSync(join(folder, "test_batch.bin"), bytes);
  assert.match(await failure(readCifar10(root, "test")), /test_batch.bin": record 42 has label 10, expected 0..9/);
});

test("says where it looked and what names the folder", async () => {
  const empty = join(root, "empty");
  mkdirSync(empty);
  for (const [directory, found] of [[empty, "no .bin file"], [join(root, "missing"), "no such folder"]] as const) {
    const message = await failure(readCifar10(directory, "train"));
    assert.match(message, directory);
    assert.match(message, found);
    assert.match(message, "name the folder that holds data_batch_1.bin");
  }
});

test("names the version that is there instead", async () => {
  const other = join(root, "other");
  for (
    const [path, version] of [
      ["cifar-10-batches-py/data_batch_1", "CIFAR-10's Python version"],
      ["data_batch_1.mat", "CIFAR-10's Matlab version"],
      ["cifar-100-binary/train.bin", "CIFAR-100"],
      ["cifar-10-binary.tar.gz", "the archive, not unpacked"],
    ] as const
  ) {
    mkdirSync(dirname(join(other, path)), { recursive: true });
    writeFileSync(join(other, path), "");
    assert.match(await failure(readCifar10(other, "train")), `it holds ${version}; name the folder`);
    assert.match(await failure(readCifar10(dirname(join(other, path)), "train")), version);
    rmSync(other, { recursive: true });
  }
  mkdirSync(other);
  for (
    const [bytes, cause] of [
      [new Uint8Array(7 * 3074), "it is of records of 3074 bytes, those of CIFAR-100"],
      [Uint8Array.of(0x80, 2, 125), "it is a pickle, as of the Python version"],
      [new TextEncoder().encode("MATLAB 5.0 MAT-file"), "it is of the Matlab version"],
    ] as const
  ) {
    writeFileSync(join(other, "data_batch_1.bin"), bytes);
    assert.match(await failure(readCifar10(other, "train")), cause);
  }
});

test("rejects a limit that is not a positive integer", async () => {
  for (const limit of [0, -1, 1.5, NaN]) assert.match(await failure(readCifar10(root, "train", limit)), "integer >= 1");
});

test("reads the real files", async () => {
  const data = process.env.ALLCNN_DATA;
  if (!data) return console.log("skipped: no ALLCNN_DATA");
  for (const [split, count, first] of [["train", 50_000, "frog"], ["test", 10_000, "cat"]] as const) {
    const { images, labels, ...dataset } = await readCifar10(data, split);
    assert.is(dataset.count, count);
    assert.is(CIFAR10_CLASSES[labels[0]!], first);
    const perClass = new Uint32Array(10);
    for (const label of labels) perClass[label]!++;
    assert.ok(perClass.every((examples) => examples === count / 10));
    // The mean colour of CIFAR-10 is known: 125.3, 123.0, 113.9 for the training images.
    const mean = [0, 0, 0];
    for (let i = 0; i < images.length; i++) mean[i % 3]! += images[i]! / (count * 1024);
    [125.3, 123.0, 113.9].forEach((expected, channel) => assert.ok(Math.abs(mean[channel]! - expected) < 2));
  }
});

test.run();
