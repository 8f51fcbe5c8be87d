import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { datasetKinds } from "../../data/datasets/mod.ts";
import { unpackArchive } from "../../data/unpack.ts";
import { inFolder } from "../cli/_run.ts";
import { described, type Entry, file, GOOD, noise, pack, type Packed, TEST, TRAIN } from "./_archive_server.ts";

/** Unpacks in an empty folder within another one, and returns the error; nothing may be left anywhere. */
async function refusal({ archive, bytes }: Packed): Promise<string> {
  let message = "";
  await inFolder(async (outer) => {
    const parent = `${outer}/data`;
    mkdirSync(parent);
    writeFileSync(`${parent}/tiny.tar.gz`, bytes);
    const target = `${parent}/tiny-bin`;
    const error = await unpackArchive(`${parent}/tiny.tar.gz`, archive, `${target}.tmp`, target).then(
      () => null,
      (reason: unknown) => reason,
    );
    assert.instance(error, UserError, String((error as Error | null)?.stack));
    message = (error as UserError).message;
    assert.equal(readdirSync(outer), ["data"]);
    assert.equal(readdirSync(parent), ["tiny.tar.gz"]);
  });
  assert.not.match(message, "\n");
  return message;
}

const link = (type: "symlink" | "link", name: string, linkname: string): Entry => ({
  header: { name, size: 0, type, linkname },
});

/** Where an absolute path would write if anybody let it. */
const ABSOLUTE = "/tmp/allcnn-must-not-exist/train.bin";

const OUTSIDE: [string, Entry][] = [
  ["../train.bin", file("../train.bin", TRAIN)],
  ["tiny-bin/../../train.bin", file("tiny-bin/../../train.bin", TRAIN)],
  [ABSOLUTE, file(ABSOLUTE, TRAIN)],
  ["..\\train.bin", file("..\\train.bin", TRAIN)],
  ["C:\\train.bin", file("C:\\train.bin", TRAIN)],
  ["../elsewhere/", { header: { name: "../elsewhere/", size: 0, type: "directory" } }],
];

for (const [name, entry] of OUTSIDE) {
  test(`refuses an archive that holds ${name}`, async () => {
    for (const entries of [[entry, ...GOOD], [...GOOD, entry]]) {
      assert.match(await refusal(await pack(entries)), "a path outside of its folder");
    }
    assert.not(existsSync(ABSOLUTE));
  });
}

const KINDS: [string, Entry][] = [
  ["symlink", link("symlink", "tiny-bin/train.bin", "/etc/passwd")],
  ["symlink", link("symlink", "tiny-bin", "/tmp")],
  ["link", link("link", "tiny-bin/train.bin", "/etc/passwd")],
  ["fifo", { header: { name: "tiny-bin/train.bin", size: 0, type: "fifo" } }],
  ["character-device", { header: { name: "tiny-bin/zero", size: 0, type: "character-device" } }],
];

for (const [kind, entry] of KINDS) {
  test(`refuses an archive with a ${kind} at ${entry.header.name}`, async () => {
    assert.match(await refusal(await pack([entry, ...GOOD])), `"${entry.header.name}", a ${kind}, where only files`);
  });
}

test("names a file that is missing or has another size", async () => {
  assert.match(await refusal(await pack(GOOD.slice(0, 3))), /"test.bin" is not in it/);
  // A file of the right name elsewhere is not the one.
  const elsewhere = [...GOOD.slice(0, 3), file("other/test.bin", TEST), file("tiny-bin/deeper/test.bin", TEST)];
  assert.match(await refusal(await pack(elsewhere)), /"test.bin" is not in it/);
  const without = GOOD.filter(({ header }) => !header.name.endsWith("test.bin"));
  for (const [length, found] of [[49_999, "49999 bytes in it, expected 50000"], [50_001, "more than 50000"]] as const) {
    const message = await refusal(await pack([...without, file("tiny-bin/test.bin", noise(length))]));
    assert.ok(message.includes(`"test.bin" has ${found}`), message);
  }
  const longText = GOOD.map((entry) =>
    entry.header.name.endsWith(".txt") ? file(entry.header.name, noise(1 << 17)) : entry
  );
  assert.match(await refusal(await pack(longText)), /"names.txt" has more than 65536 bytes/);
});

test("a damaged archive is one clear line", async () => {
  const { bytes } = await pack(GOOD), tar = await packTar(GOOD);
  const flipped = Uint8Array.from(bytes);
  flipped[bytes.length / 2 | 0]! ^= 0xff;
  const cases = [noise(5000), new Uint8Array(), bytes.subarray(0, bytes.length / 2), flipped, gzipSync(noise(5000))];
  for (const damaged of [...cases, gzipSync(tar.subarray(0, 100_000))]) {
    assert.match(await refusal(described(damaged)), /^Cannot unpack ".*tiny.tar.gz": ./);
  }
});

test("the official archives hold what the readers want", () => {
  for (const [name, total] of [["cifar10", 60_000 * 3073], ["cifar100", 60_000 * 3074]] as const) {
    const { bytes, sha256, files, file } = datasetKinds.get(name).archive!;
    assert.is(Object.values(files).reduce((sum, size) => sum + size, 0), total);
    assert.ok(bytes < total);
    assert.match(sha256, /^[0-9a-f]{64}$/);
    assert.match(file, /^cifar-100?-binary\.tar\.gz$/);
  }
});

test.run();
