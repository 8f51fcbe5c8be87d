import { test } from "uvu";
import * as assert from "uvu/assert";
import { mkdirSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { UserError } from "../../core/host/errors.ts";
import { decodeImage, type Image, readImage, resizeTo } from "../../data/image.ts";
import { inFolder } from "../cli/_run.ts";

type Color = readonly [number, number, number];
const RED: Color = [220, 30, 40], GREEN: Color = [20, 180, 60], BLUE: Color = [30, 60, 200], GREY: Color = [90, 90, 90];

/** An image of `blocks` of one colour each, `side` pixels wide and high. */
function mosaic(blocks: readonly (readonly Color[])[], side: number): Image {
  const height = blocks.length * side, width = blocks[0]!.length * side;
  const pixels = Uint8Array.from(
    { length: height * width * 3 },
    (_, i) => blocks[Math.floor(i / 3 / width / side)]![Math.floor(i / 3 % width / side)]![i % 3]!,
  );
  return { shape: [height, width, 3], pixels };
}

const raw = ({ shape: [height, width, channels], pixels }: Image) =>
  sharp(pixels, { raw: { height, width, channels } });
/** An odd size, and no two blocks alike. */
const COLORS = mosaic([[RED, GREEN, BLUE], [GREY, BLUE, RED]], 16);

function near(actual: Image, expected: Image, tolerance: number, what = ""): void {
  assert.equal(actual.shape, expected.shape, what);
  assert.is(actual.pixels.length, expected.pixels.length, what);
  const worst = actual.pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - expected.pixels[i]!)), 0);
  assert.ok(worst <= tolerance, `${what}: differs by ${worst}`);
}

test("lossless files give their pixels: PNG with 8 and 16 bit, palette, TIFF, WebP", async () => {
  const files = {
    png: raw(COLORS).png(),
    "16 bit": raw(COLORS).toColourspace("rgb16").png(),
    palette: raw(COLORS).png({ palette: true }),
    interlaced: raw(COLORS).png({ progressive: true }),
    tiff: raw(COLORS).tiff({ compression: "lzw" }),
    webp: raw(COLORS).webp({ lossless: true }),
  };
  for (const [name, file] of Object.entries(files)) {
    near(await decodeImage(await file.toBuffer(), name), COLORS, 0, name);
  }
  const { depth } = await sharp(await files["16 bit"].toBuffer()).metadata();
  assert.is(depth, "ushort");
  assert.is((await sharp(await files.palette.toBuffer()).metadata()).isPalette, true);
});

test("grey images, PNG and JPEG, 8 and 16 bit, get three equal channels", async () => {
  const grey = mosaic([[GREY, [200, 200, 200]]], 16);
  for (const space of ["b-w", "grey16"]) {
    const png = await raw(grey).toColourspace(space).png().toBuffer();
    assert.is((await sharp(png).metadata()).channels, 1);
    near(await decodeImage(png, space), grey, 0, space);
  }
  const jpeg = await raw(grey).toColourspace("b-w").jpeg({ quality: 100 }).toBuffer();
  assert.is((await sharp(jpeg).metadata()).channels, 1);
  near(await decodeImage(jpeg, "jpeg"), grey, 2, "jpeg");
});

test("a CMYK JPEG becomes sRGB", async () => {
  // Muted colours, which printing inks can make; taken for RGB or inverted, they would be wrong by far more.
  const muted = mosaic([[[180, 90, 80], [90, 150, 100], [80, 100, 160], GREY]], 16);
  const jpeg = await raw(muted).toColourspace("cmyk").jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
  assert.is((await sharp(jpeg).metadata()).space, "cmyk");
  near(await decodeImage(jpeg, "cmyk"), muted, 15, "cmyk");
});

test("an embedded colour profile is applied", async () => {
  const png = await raw(COLORS).withIccProfile("p3").png().toBuffer();
  const without = await sharp(png, { ignoreIcc: true }).raw().toBuffer(); // the numbers in the file are others
  assert.ok(Math.abs(without[0]! - COLORS.pixels[0]!) > 10, `${without[0]}`);
  near(await decodeImage(png, "p3"), COLORS, 2, "p3");
});

test("transparent pixels are laid on white, with colour, grey, 8 and 16 bit", async () => {
  const alphas = [0, 51, 255], values = [10, 200, 90];
  const rgba = Uint8Array.from(alphas.flatMap((alpha) => [...values, alpha]));
  const wanted = alphas.flatMap((alpha) =>
    values.map((value) => Math.round((value * alpha + 255 * (255 - alpha)) / 255))
  );
  const expected: Image = { shape: [1, 3, 3], pixels: Uint8Array.from(wanted) };
  const file = sharp(rgba, { raw: { width: 3, height: 1, channels: 4 } });
  near(await decodeImage(await file.clone().png().toBuffer(), "rgba"), expected, 1, "rgba");
  near(await decodeImage(await file.clone().toColourspace("rgb16").png().toBuffer(), "16 bit"), expected, 1, "16 bit");
  const ga = sharp(Uint8Array.from(alphas.flatMap((alpha) => [40, alpha])), {
    raw: { width: 3, height: 1, channels: 2 },
  });
  const png = await ga.toColourspace("b-w").png().toBuffer();
  assert.is((await sharp(png).metadata()).channels, 2);
  const greys = alphas.flatMap((alpha) => Array<number>(3).fill(Math.round((40 * alpha + 255 * (255 - alpha)) / 255)));
  near(await decodeImage(png, "grey"), { shape: [1, 3, 3], pixels: Uint8Array.from(greys) }, 1, "grey");
});

test("each of the eight orientations of EXIF is undone", async () => {
  const [height, width] = COLORS.shape;
  /** Where the upright picture's pixel (y, x) lies in the file, by the EXIF standard's table of the tag Orientation. */
  const stored: ((y: number, x: number) => [number, number])[] = [
    (y, x) => [y, x],
    (y, x) => [y, width - 1 - x],
    (y, x) => [height - 1 - y, width - 1 - x],
    (y, x) => [height - 1 - y, x],
    (y, x) => [x, y],
    (y, x) => [height - 1 - x, y],
    (y, x) => [height - 1 - x, width - 1 - y],
    (y, x) => [x, width - 1 - y],
  ];
  for (const [index, from] of stored.entries()) {
    const shape = index < 4 ? [height, width, 3] as const : [width, height, 3] as const;
    const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => {
      const [y, x] = from(Math.floor(i / 3 / shape[1]), Math.floor(i / 3) % shape[1]);
      return COLORS.pixels[(y * width + x) * 3 + i % 3]!;
    });
    const jpeg = raw(COLORS).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).withMetadata({
      orientation: index + 1,
    });
    near(await decodeImage(await jpeg.toBuffer(), "jpeg"), { shape, pixels }, 3, `orientation ${index + 1}`);
  }
});

test("of an animation it is the first frame", async () => {
  const frames = await Promise.all([RED, BLUE].map((color) => raw(mosaic([[color]], 16)).png().toBuffer()));
  const gif = await sharp(frames, { join: { animated: true } }).gif().toBuffer();
  assert.is((await sharp(gif).metadata()).pages, 2);
  near(await decodeImage(gif, "gif"), mosaic([[RED]], 16), 3, "gif");
});

/** The checksum of PNG's chunks (ISO 3309), which Node 20 does not offer. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0xedb88320);
  }
  return ~crc >>> 0;
}

/** What the promise's error says; fails where there is none, where it is no UserError, or where it has several lines. */
async function complaint(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => null, (error) => error);
  assert.instance(error, UserError);
  assert.not.match(error.message, /\n|[.:\s]$/);
  return error.message;
}

test("what is no image, is empty, ends early or is missing is a line that names the file and why", () =>
  inFolder(async (folder) => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i) % 251);
    const photo: Image = { shape: [64, 64, 3], pixels: noise };
    const files = { "a.png": await raw(photo).png().toBuffer(), "a.jpg": await raw(photo).jpeg().toBuffer() };
    for (const [name, file] of Object.entries(files)) {
      for (const share of [0.02, 0.3, 0.6, 0.95]) {
        writeFileSync(`${folder}/${name}`, file.subarray(0, Math.floor(share * file.length)));
        const message = await complaint(readImage(`${folder}/${name}`));
        assert.ok(message.startsWith(`Cannot read "${folder}/${name}" as an image: it is `), `${share}: ${message}`);
      }
      writeFileSync(`${folder}/${name}`, file);
      assert.equal((await readImage(`${folder}/${name}`)).shape, [64, 64, 3]);
    }
    writeFileSync(`${folder}/text.png`, "This is no image.");
    assert.match(await complaint(readImage(`${folder}/text.png`)), /text.png" as an image: it is none/);
    writeFileSync(`${folder}/pointer.png`, "version https://git-lfs.github.com/spec/v1\noid sha256:00");
    assert.match(await complaint(readImage(`${folder}/pointer.png`)), /as an image: it is a pointer of Git LFS/);
    writeFileSync(`${folder}/phone.jpg`, "\0\0\0\x18ftypheic\0\0\0\0");
    assert.match(await complaint(readImage(`${folder}/phone.jpg`)), /as an image: it is a HEIC picture/);
    writeFileSync(`${folder}/empty.png`, "");
    assert.match(await complaint(readImage(`${folder}/empty.png`)), /empty.png" as an image: it is empty/);
    const huge = Uint8Array.from(await raw(photo).png().toBuffer()), header = new DataView(huge.buffer);
    for (const place of [16, 20]) header.setUint32(place, 30_000); // width and height of the chunk IHDR
    header.setUint32(29, crc32(huge.subarray(12, 29)));
    assert.match(await complaint(decodeImage(huge, "huge.png")), /"huge.png" .*: it has more than 268 megapixels/);
    mkdirSync(`${folder}/folder.png`);
    assert.match(await complaint(readImage(`${folder}/folder.png`)), /Cannot read ".*folder.png": it is a folder/);
    assert.match(await complaint(readImage(`${folder}/none.png`)), /Cannot read ".*none.png": it does not exist/);
  }));

test("an image of the right size is not resized", async () => {
  assert.equal(await resizeTo(COLORS, 32, 48), COLORS);
});

test("the shorter side is scaled and the middle cut out", async () => {
  const row = [RED, GREEN, GREEN, GREEN, GREEN, BLUE];
  for (
    const [wide, image] of [[true, mosaic([row, row, row, row], 16)], [
      false,
      mosaic(row.map((c) => [c, c, c, c]), 16),
    ]] as const
  ) {
    // 96x64 or 64x96: a sixth is cut off either end, and the ring of the filter at the border stays small.
    near(await resizeTo(image, 32, 32), mosaic([[GREEN]], 32), 24, wide ? "wide" : "high");
  }
  const { pixels } = await resizeTo(mosaic([[RED, GREEN], [BLUE, GREY]], 40), 32, 32);
  for (const [y, x, color] of [[6, 6, RED], [6, 25, GREEN], [25, 6, BLUE], [25, 25, GREY]] as const) {
    for (let c = 0; c < 3; c++) assert.ok(Math.abs(pixels[(y * 32 + x) * 3 + c]! - color[c]!) <= 3, `${y}, ${x}`);
  }
});

test("shrinking averages: a fine checkerboard becomes even grey", async () => {
  const side = 397;
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return (Math.floor(pixel / side) + pixel % side) % 2 === 0 ? 255 : 0;
  });
  const small = await resizeTo({ shape: [side, side, 3], pixels }, 32, 32);
  near(small, mosaic([[[127, 127, 127]]], 32), 3, "checkerboard");
});

test("sizes from 1x1 to 1x30000 keep their colour", async () => {
  for (const [height, width] of [[1, 1], [1, 30_000], [30_000, 1], [2, 5], [33, 31]] as const) {
    const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => RED[i % 3]!);
    near(await resizeTo({ shape: [height, width, 3], pixels }, 32, 32), mosaic([[RED]], 32), 0, `${height}x${width}`);
  }
});

test.run();
