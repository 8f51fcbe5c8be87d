/** Folders of small JPEGs in a temporary folder, made by sharp. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { draw, key } from "../../core/graph/random.ts";

export interface PictureFolder {
  readonly directory: string;
  write(path: string, bytes: Uint8Array): void;
  remove(): void;
}

export function pictureFolder(): PictureFolder {
  const directory = mkdtempSync(join(tmpdir(), "allcnn-pictures-"));
  return {
    directory,
    write(path, bytes) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), bytes);
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** A JPEG of one of three colours, with noise: what is red, green or blue is its class. */
export async function jpeg(label: number, seed: number, width = 40, height = 32): Promise<Uint8Array> {
  const k = key(seed, label, 1);
  const pixels = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => (i % 3 === label ? 150 : 40) + draw(k, i) % 90,
  );
  return await sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg().toBuffer();
}

/** train/ and val/ with the classes a, b, c: `train` and `val` pictures of each. */
export async function colors(train: number, val: number): Promise<PictureFolder> {
  const folder = pictureFolder();
  for (const [split, count] of [["train", train], ["val", val]] as const) {
    for (let n = 0; n < count; n++) {
      for (const [label, name] of ["a", "b", "c"].entries()) {
        folder.write(`${split}/${name}/${n}.JPEG`, await jpeg(label, n + (split === "val" ? 1000 : 0), 40 - n, 32));
      }
    }
  }
  return folder;
}
