import { test } from "uvu";
import * as assert from "uvu/assert";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import sharp from "sharp";
import { UserError } from "../../core/host/errors.ts";
import { decodeCrop, MIDDLE } from "../../data/crop.ts";
import { decodeBatch } from "../../data/image_batch.ts";
import { listImageFolder, pathOf } from "../../data/image_folder.ts";
import { prefetch } from "../../data/prefetch.ts";
import { NO_LABEL } from "../../kernels/labels.ts";
import { colors, jpeg, pictureFolder } from "./_pictures.ts";

/** The message of the `UserError` that `body` must end with. */
async function refusal(body: () => Promise<unknown>): Promise<string> {
  try {
    await body();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
  throw new Error("nothing was refused");
}

test("a split lists one picture of every class after the other, and knows the classes of train", async () => {
  const folder = pictureFolder(), bytes = Uint8Array.of(0);
  for (
    const path of ["b/2.JPEG", "b/1.jpg", "a/9.png", "a/list.txt", "c/x.jpeg", "c/y.jpeg", "c/z.jpeg", "notes.txt"]
  ) {
    folder.write(`train/${path}`, bytes);
  }
  folder.write("val/c/q.JPEG", bytes);
  try {
    const train = await listImageFolder(folder.directory, "train");
    assert.equal(train.classes, ["a", "b", "c"]);
    assert.equal([train.names, [...train.labels]], [
      ["9.png", "1.jpg", "x.jpeg", "2.JPEG", "y.jpeg", "z.jpeg"],
      [0, 1, 2, 1, 2, 2],
    ]);
    assert.is(pathOf(train, 3), `${folder.directory}/train/b/2.JPEG`);
    assert.equal((await listImageFolder(folder.directory, "train", { limit: 2 })).names, ["9.png", "1.jpg"]);
    const val = await listImageFolder(folder.directory, "val");
    assert.equal([val.classes, [...val.labels]], [["a", "b", "c"], [2]], "labels are those of train");
    folder.write("val/d/q.JPEG", bytes);
    assert.match(await refusal(() => listImageFolder(folder.directory, "val")), /class "d" is not in .*train/);
    mkdirSync(join(folder.directory, "train", "empty"));
    assert.match(await refusal(() => listImageFolder(folder.directory, "train")), /train\/empty": it holds no picture/);
  } finally {
    folder.remove();
  }
});

test("a val folder alone has classes of its own; folders that are missing or empty are named", async () => {
  const folder = pictureFolder(), list = (split: "train" | "val") => listImageFolder(folder.directory, split);
  try {
    assert.match(await refusal(() => list("train")), /train": there is no such folder, expected/);
    folder.write("valid/k/1.jpg", Uint8Array.of(0));
    assert.match(await refusal(() => list("val")), /val": there is no such folder \(".*" has valid\), expected/);
    folder.write("val/list.txt", Uint8Array.of(0));
    assert.match(await refusal(() => list("val")), /val": it holds no folders/);
    folder.write("val/k/1.jpg", Uint8Array.of(0));
    assert.equal((await list("val")).classes, ["k"]);
  } finally {
    folder.remove();
  }
});

test("a crop is where it is asked for, mirrored, and of a picture of any size and colours", async () => {
  // Red on the left, blue on the right, 64x32; a crop of 16x16 at half size.
  const halves = Uint8Array.from({ length: 64 * 32 * 3 }, (_, i) => {
    const left = Math.floor(i / 3) % 64 < 32;
    return i % 3 === (left ? 0 : 2) ? 200 : 20;
  });
  const raw = { raw: { width: 64, height: 32, channels: 3 } } as const;
  const bytes = await sharp(halves, raw).jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer();
  const size = { shortSide: 16, crop: 16, flip: false };
  const at = async (x: number, flip: boolean) => await decodeCrop(bytes, "x", { ...size, x, y: 0, flip });
  const red = (pixels: Uint8Array, column: number) => pixels[(8 * 16 + column) * 3]!;
  const [left, middle, right, mirrored] = [
    await at(0, false),
    await at(0.5, false),
    await at(0.99, false),
    await at(0.5, true),
  ];
  assert.ok(red(left, 2) > 150 && red(left, 13) > 150, "left");
  assert.ok(red(right, 2) < 60 && red(right, 13) < 60, "right");
  assert.ok(red(middle, 2) > 150 && red(middle, 13) < 60, "middle");
  assert.ok(red(mirrored, 2) < 60 && red(mirrored, 13) > 150, "mirrored");

  const picture = () => sharp(halves, raw);
  const kinds: [string, Uint8Array][] = [
    ["grey", await picture().greyscale().jpeg().toBuffer()],
    ["cmyk", await picture().toColourspace("cmyk").jpeg().toBuffer()],
    ["png with transparency", await picture().ensureAlpha(0.5).png().toBuffer()],
    ["tiny", await picture().resize(3, 2).jpeg().toBuffer()],
    ["large", await picture().resize(1100, 900).jpeg().toBuffer()],
  ];
  for (const [name, kind] of kinds) {
    const pixels = await decodeCrop(kind, name, { ...size, ...MIDDLE });
    assert.is(pixels.length, 16 * 16 * 3, name);
    assert.ok(pixels.some((value) => value > 50), name);
  }
  assert.match(
    await refusal(async () =>
      await decodeCrop(await picture().resize(200, 2).jpeg().toBuffer(), "long", { ...size, ...MIDDLE })
    ),
    /"long": of 200x2 pixels, it is a strip/,
  );
});

test("a broken picture is black and without a label, and named; a folder that is gone is an error", async () => {
  const folder = await colors(1, 1);
  try {
    const whole = await jpeg(0, 1);
    folder.write("train/a/broken.JPEG", Uint8Array.of(1, 2, 3));
    folder.write("train/b/cut.JPEG", whole.subarray(0, whole.length / 2));
    folder.write("train/c/empty.JPEG", new Uint8Array(0));
    const listed = await listImageFolder(folder.directory, "train"), skipped: string[] = [];
    const crop = { shortSide: 8, crop: 8, ...MIDDLE };
    const read = (examples: number[]) =>
      decodeBatch(listed, examples, 8, 8, () => crop, (_, { message }) => skipped.push(message));
    const { pixels, labels } = await read([0, 1, 2, 3, 4, 5]);
    const none = NO_LABEL;
    assert.equal([...labels], [0, 1, 2, none, none, none, none, none]);
    assert.ok(
      pixels.subarray(0, 3 * 192).every((value) => value > 0) && pixels.subarray(3 * 192).every((value) => value === 0),
    );
    assert.equal(skipped.length, 3);
    for (const name of ["broken", "cut", "empty"]) {
      assert.ok(skipped.some((message) => message.includes(`${name}.JPEG`)), name);
    }
    folder.remove();
    const failed = () => decodeBatch(listed, [5], 1, 8, () => crop, () => assert.unreachable());
    assert.match(await refusal(failed), /does not exist/);
  } finally {
    folder.remove();
  }
});

test("what is not used is counted in one line: other formats, nested folders, files beside the classes", async () => {
  const folder = pictureFolder(), bytes = Uint8Array.of(0);
  try {
    for (
      const path of [
        "a/1.tif",
        "a/2.gif",
        "a/3.AVIF",
        "a/4.bmp",
        "a/5.bmp",
        "a/boxes.txt",
        "a/more/1.png",
        "a/.DS_Store",
      ]
    ) {
      folder.write(`train/${path}`, bytes);
    }
    folder.write("train/lost.png", bytes);
    const { names, note } = await listImageFolder(folder.directory, "train");
    assert.equal(names, ["1.tif", "2.gif", "3.AVIF"]);
    assert.is(
      note,
      `In "${folder.directory}/train", ignored: 1 entry beside the folders of classes (.png 1) and ` +
        "4 entries that are no pictures (.bmp 2, .txt 1, folders 1)",
    );
    folder.write("train/b/1.bmp", bytes);
    assert.match(
      await refusal(() => listImageFolder(folder.directory, "train")),
      /train\/b": it holds no picture .*bmp 1/,
    );
  } finally {
    folder.remove();
  }
});

test("a network that is trained keeps its classes: some may be missing, others are named", async () => {
  const folder = await colors(1, 1), list = (known: string[]) => listImageFolder(folder.directory, "val", { known });
  try {
    const { classes, labels } = await list(["c", "x", "b", "a"]);
    assert.equal([classes, [...labels]], [["c", "x", "b", "a"], [0, 2, 3]]);
    assert.match(
      await refusal(() => list(["a", "b", "see"])),
      /its class "c" is none that the network was trained on; there are a, b, see$/,
    );
  } finally {
    folder.remove();
  }
});

test("pictures that cannot be opened are left out and named: a dangling link, a folder, a pipe", async () => {
  const folder = await colors(1, 1), at = (name: string) => join(folder.directory, "train", "a", name);
  try {
    symlinkSync("nowhere.png", at("link.png"));
    mkdirSync(at("folder.png"));
    execFileSync("mkfifo", [at("pipe.png")]);
    const listed = await listImageFolder(folder.directory, "train"), skipped: string[] = [];
    const all = listed.names.map((_, index) => index), crop = { shortSide: 8, crop: 8, ...MIDDLE };
    const { labels } = await decodeBatch(listed, all, 6, 8, () => crop, (_, { message }) => skipped.push(message));
    assert.equal([...labels].filter((label) => label !== NO_LABEL).sort(), [0, 1, 2]);
    assert.equal(skipped.sort(), [
      `Cannot read "${at("folder.png")}": it is a folder`,
      `Cannot read "${at("link.png")}": it does not exist`,
      `Cannot read "${at("pipe.png")}": it is no file, but a pipe, a socket or a device`,
    ]);
  } finally {
    folder.remove();
  }
});

test("a folder that may not be read is told as that", async () => {
  const folder = await colors(1, 1), locked = join(folder.directory, "train", "b");
  try {
    chmodSync(folder.directory, 0o755);
    chmodSync(locked, 0);
    if (process.getuid?.() === 0) process.seteuid!(65534); // root may read all
    const message = await refusal(() => listImageFolder(folder.directory, "train"))
      .finally(() => process.getuid?.() === 0 && process.seteuid!(0));
    assert.is(message, `Cannot read the folder "${locked}": permission denied`);
  } finally {
    folder.remove();
  }
});

test("never more results than agreed are begun ahead, they come in order, and a failure is that of its result", async () => {
  let begun = 0;
  const results = prefetch(10, 3, async (index) => {
    begun++;
    await new Promise((resolve) => setTimeout(resolve, index % 2 === 0 ? 3 : 0));
    if (index === 6) throw new Error("the seventh");
    return index;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(begun, 3, "nothing was asked for");
  for (let index = 0; index < 6; index++) {
    assert.is(await results.next(), index);
    assert.is(begun, Math.min(10, index + 4));
  }
  await results.next().then(() => assert.unreachable(), ({ message }) => assert.is(message, "the seventh"));
  results.close();
  assert.is(await results.next(), 7);
  assert.is(begun, 10);
});

test.run();
