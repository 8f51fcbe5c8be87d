/** More cases of the fuzzer: files of data sets, the archives that they come in, and pictures. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { MIDDLE } from "../../data/crop.ts";
import { readImages } from "../../data/datasets/mod.ts";
import { imageFor } from "../../data/image_for.ts";
import { unpackArchive } from "../../data/unpack.ts";
import { described, file, GOOD, noise } from "../data/_archive_server.ts";
import type { Draw } from "./_draw.ts";
import { mutateBytes } from "./_mutate.ts";
import type { Originals } from "./_originals.ts";
import type { Prepared } from "./_prepared.ts";

const COUNT = 30, IMAGE = 784;
/** Numbers where a header has a size. */
const SIZES = [0, 1, COUNT - 1, COUNT + 1, 28, 255, 2 ** 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** An IDX file: its type, its sizes, its bytes. */
function idx(magic: number, sizes: readonly number[], bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(4 + 4 * sizes.length + bytes.length), view = new DataView(made.buffer);
  [magic, ...sizes].forEach((value, i) => view.setUint32(4 * i, value));
  made.set(bytes, 4 + 4 * sizes.length);
  return made;
}

/** MNIST's files, of which one or two are damaged, packed or not, before packing or behind it. */
export function idxCase(draw: Draw, { folder }: Originals): Prepared {
  const place = `${folder}/idx`, split = draw.pick(["train", "test"] as const), hows: string[] = [];
  const limit = draw.pick([Infinity, Infinity, 1, COUNT, COUNT + 1, 10 ** 9]);
  const pixels = noise(COUNT * IMAGE), labels = pixels.subarray(0, COUNT).map((value) => value % 10);
  const files = {
    "images-idx3-ubyte": idx(0x803, [COUNT, 28, 28], pixels),
    "labels-idx1-ubyte": idx(0x801, [COUNT], labels),
  };
  const damaged = Object.entries(files).map(([name, whole]) => {
    const kind = draw.pick(["none", "bytes", "bytes", "size", "type", "label"]), packed = draw.chance(0.5);
    let bytes: Uint8Array = whole;
    if (kind === "bytes" && !packed) bytes = mutateBytes(draw, whole).bytes;
    if (kind === "label") bytes = whole.with(whole.length - 1 - draw.whole(0, COUNT), draw.whole(0, 256));
    if (kind === "size" || kind === "type") {
      bytes = whole.slice();
      const at = kind === "type" ? 0 : 4 * draw.whole(1, name.startsWith("images") ? 4 : 2);
      new DataView(bytes.buffer as ArrayBuffer).setUint32(
        at,
        kind === "type" ? draw.pick([0x801, 0x803, 0xd03, 0, 0x01080000]) : draw.pick(SIZES),
      );
    }
    if (packed) bytes = gzipSync(bytes);
    if (kind === "bytes" && packed) bytes = mutateBytes(draw, bytes).bytes;
    hows.push(`${name.slice(0, 6)} ${kind}${packed ? ", packed" : ""}`);
    return [`${split === "train" ? "train" : "t10k"}-${name}${packed ? ".gz" : ""}`, bytes] as const;
  });
  return {
    how: hows.join("; "),
    input: damaged.map(([name, bytes]) => `${name} ${btoa(String.fromCharCode(...bytes.subarray(0, 30_000)))}`).join(
      "\n",
    ),
    async read() {
      rmSync(place, { recursive: true, force: true });
      const inner = draw.pick([place, `${place}/MNIST/raw`]);
      mkdirSync(inner, { recursive: true });
      for (const [name, bytes] of damaged) writeFileSync(`${inner}/${name}`, bytes);
      const read = await readImages({ name: "mnist" }, { directory: place, split, limit });
      const wrong = read.labels.some((label) => label > 9) || read.images.some((value) => !(value >= 0 && value < 256));
      if (read.count < 1 || read.count > limit || read.images.length !== read.count * IMAGE || wrong) {
        throw new Error(`Read ${read.count} examples, ${read.images.length} values`);
      }
    },
  };
}

/** An archive that was damaged before it was packed, or after. */
export async function archiveCase(draw: Draw, { folder }: Originals): Promise<Prepared> {
  const place = `${folder}/archive`, tar = await packTar([...GOOD.slice(0, 1), file("tiny-bin/train.bin", noise(900))]);
  const inner = draw.chance(0.5), packed = gzipSync(inner ? mutateBytes(draw, tar).bytes : tar);
  const { how, bytes } = inner ? { how: "before packing", bytes: packed } : mutateBytes(draw, packed);
  const archive = { ...described(bytes).archive, files: { "train.bin": 900 } };
  return {
    how,
    input: bytes,
    async read() {
      rmSync(place, { recursive: true, force: true });
      mkdirSync(place);
      writeFileSync(`${place}/tiny.tar.gz`, bytes);
      await unpackArchive(`${place}/tiny.tar.gz`, archive, `${place}/tiny-bin.tmp`, `${place}/tiny-bin`);
    },
  };
}

/** A picture in one of the formats that are read, for a network on small or on large ones, grey or coloured. */
export function pictureCase(draw: Draw, { pictures }: Originals): Prepared {
  const whole = draw.pick(pictures), { how, bytes } = mutateBytes(draw, whole);
  const crops = draw.pick([null, null, { shortSide: 9, crop: 8 }]);
  const channels = draw.pick([1, 3]), side = crops?.crop ?? draw.pick([1, 28, 32]);
  return {
    how: `format ${pictures.indexOf(whole)}, ${how}`,
    input: bytes,
    async read() {
      const { pixels } = await imageFor(
        new Uint8Array(bytes),
        "some picture",
        [side, side, channels],
        crops === null ? null : { ...MIDDLE, ...crops },
      );
      if (pixels.length !== side * side * channels) {
        throw new Error(`${pixels.length} values for ${side}x${side}x${channels}`);
      }
    },
  };
}
