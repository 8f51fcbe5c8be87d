import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { CIFAR100_CLASSES, readCifar100 } from "../../data/datasets/cifar100.ts";

const RECORD = 3074;
const root = mkdtempSync(join(tmpdir(), "allcnn-cifar100-"));
const folder = join(root, "cifar-100-binary");

/** 10 000 records whose every byte is a function of its place: coarse label, fine label, pixels. */
function records(): Uint8Array {
  return Uint8Array.from({ length: 10_000 * RECORD }, (_, i) => {
    const record = Math.floor(i / RECORD), place = i % RECORD;
    return place === 0 ? record % 20 : place === 1 ? (record + 3) % 100 : (i * 7) % 251;
  });
}

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, UserError);
  return (error as UserError).message;
}

test.before(() => {
  mkdirSync(folder);
  writeFileSync(join(folder, "test.bin"), records());
});
test.after(() => rmSync(root, { recursive: true }));

test("reads fine or coarse labels, and pixels behind both", async () => {
  for (const directory of [root, folder]) {
    const fine = await readCifar100(directory, "test"), coarse = await readCifar100(directory, "test", "coarse", 25);
    assert.is(fine.count, 10_000);
    assert.equal(fine.shape, [32, 32, 3]);
    assert.equal([...fine.labels.subarray(0, 3), fine.labels[9_999]], [3, 4, 5, 2]);
    assert.equal([...coarse.labels], Array.from({ length: 25 }, (_, i) => i % 20));
    for (const [record, y, x, channel] of [[0, 0, 0, 0], [1, 5, 31, 1], [9_999, 31, 31, 2]] as const) {
      const byte = record * RECORD + 2 + channel * 1024 + y * 32 + x;
      assert.is(fine.images[record * 3072 + (y * 32 + x) * 3 + channel], (byte * 7) % 251);
    }
    assert.ok(coarse.images.every((value, i) => value === fine.images[i]));
  }
});

test("names what is missing, truncated or wrong", async () => {
  assert.match(await failure(readCifar100(folder, "train")), /^Cannot find ".*train.bin": other CIFAR-100 files/);
  writeFileSync(join(folder, "train.bin"), records());
  assert.match(await failure(readCifar100(folder, "train")), "found 30740000 bytes, expected 153700000");
  const bytes = records();
  bytes[7 * RECORD] = 20;
  bytes[8 * RECORD + 1] = 100;
  writeFileSync(join(folder, "test.bin"), bytes);
  assert.match(await failure(readCifar100(folder, "test", "coarse")), "record 7 has label 20, expected 0..19");
  assert.match(await failure(readCifar100(folder, "test", "fine")), "record 8 has label 100, expected 0..99");
  assert.match(await failure(readCifar100(join(root, "none"), "test")), /no such folder.*train.bin ... test.bin/);
});

test("has 100 classes and 20 superclasses, all different", () => {
  for (const [kind, count] of [["fine", 100], ["coarse", 20]] as const) {
    assert.is(CIFAR100_CLASSES[kind].length, count);
    assert.is(new Set(CIFAR100_CLASSES[kind]).size, count);
  }
  // The labels are in alphabetical order.
  assert.equal([...CIFAR100_CLASSES.fine].sort(), CIFAR100_CLASSES.fine);
});

test.run();
