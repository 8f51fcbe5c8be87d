/** A picture as a network takes it: what predicts, explains and shows pictures asks for. */
import { type Crops, decodeCrop, MIDDLE } from "./crop.ts";
import type { ImageShape } from "./dataset.ts";
import { decodeImage, inChannels, resizeTo } from "./image.ts";

/** The pixels of a picture for a network, and the size that it had where it was scaled to fit. */
export interface FittedImage {
  /** [height, width, channels], values 0 ... 255. */
  readonly pixels: Uint8Array;
  readonly from: readonly [height: number, width: number] | null;
}

/** A file's bytes as an image of `shape`: its middle, cut as `crops` say, if any. Throws `UserError` as `decodeImage`. */
export async function imageFor(
  bytes: Uint8Array,
  source: string,
  [height, width, channels]: ImageShape,
  crops: Crops | null,
): Promise<FittedImage> {
  if (crops !== null) {
    return { pixels: inChannels(await decodeCrop(bytes, source, { ...crops, ...MIDDLE }), channels), from: null };
  }
  const image = await decodeImage(bytes, source), [fromHeight, fromWidth] = image.shape;
  const { pixels } = await resizeTo(image, height, width);
  return { pixels: inChannels(pixels, channels), from: [fromHeight, fromWidth] };
}
