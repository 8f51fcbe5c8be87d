/** A picture as the network takes it, where there is no server to decode it: by this browser's own canvas. */
import { type PictureInfo, type RunInfo, toBase64 } from "../serve/protocol.ts";

/** The middle of the picture, scaled to the network's images, on white. Throws where `source`, called `name`, is no picture. */
export async function decodeHere(
  source: File | HTMLVideoElement,
  name: string,
  { images: [height, width, channels] }: RunInfo,
): Promise<PictureInfo> {
  const bitmap = await createImageBitmap(source).catch(() => {
    throw new Error(`Cannot read "${name}" as an image: this browser knows no such format, or it is damaged`);
  });
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d")!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const [wide, high] = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (width - wide) / 2, (height - high) / 2, wide, high);
  const from = [bitmap.height, bitmap.width] as const;
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height), pixels = new Uint8Array(height * width * channels);
  for (let at = 0; at < height * width; at++) {
    const [red, green, blue] = data.subarray(4 * at, 4 * at + 3) as unknown as [number, number, number];
    if (channels === 1) pixels[at] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue); // ITU-R BT.601
    else pixels.set([red, green, blue], 3 * at);
  }
  return { pixels: toBase64(pixels), from, label: null };
}
