/**
 * Pictures for the network. They are decoded and scaled here and not by the browser's canvas, so that what the page
 * shows is what `allcnn predict` computes: the same Lanczos filter, colour profiles, EXIF rotation and white background.
 */
import type { Config } from "../configs/schema.ts";
import { cropsOf, imageShape } from "../data/datasets/mod.ts";
import { decodeImage } from "../data/image.ts";
import { imageFor } from "../data/image_for.ts";
import type { ExamplePixels } from "../training/example_pixels.ts";
import { type PictureInfo, toBase64 } from "./protocol.ts";

/** Decodes a picture. Throws `UserError` where it is none, damaged, or the decoder is missing. */
export async function decodePicture(
  bytes: Uint8Array<ArrayBuffer>,
  source: string,
  { dataset }: Config,
): Promise<PictureInfo> {
  const { pixels, from } = await imageFor(bytes, source, imageShape(dataset), cropsOf(dataset));
  const [height, width] = from ?? (await decodeImage(bytes, source)).shape;
  return { pixels: toBase64(pixels), from: [height, width], label: null };
}

/** The first example of each of `count` classes, in the order of the examples. */
export async function samplesOf(pixels: ExamplePixels, count: number): Promise<PictureInfo[]> {
  const seen = new Set<number>(), samples: PictureInfo[] = [];
  for (const [index, label] of pixels.labels.entries()) {
    if (seen.size === count) break;
    if (seen.has(label)) continue;
    seen.add(label);
    samples.push({ pixels: toBase64(Uint8Array.from(await pixels.read(index))), from: null, label });
  }
  return samples;
}
