/** Pictures as programs hold them, in a page or not: what `openPredictor` takes beside arrays. */
import { UserError } from "../core/host/errors.ts";
import { hasProcess } from "../core/host/process.ts";
import { resizeTo } from "./image.ts";

/** The pixels of a canvas, or the like: red, green, blue, alpha, 0 ... 255, row by row. */
export interface PixelData {
  /** [height, width, 4], 0 ... 255. */
  readonly data: Uint8ClampedArray | Uint8Array;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
}

/** `ImageData` or an object like it; in a browser also what a canvas draws: a frame of a video, an image, a bitmap. */
export type Picture = PixelData | CanvasImageSource;

const isPixelData = (picture: Picture): picture is PixelData => "data" in picture;

/** Red, green, blue of pixels with alpha, which is passed over. Throws `UserError` where there are too few. */
function withoutAlpha({ data, width, height }: PixelData): Uint8Array<ArrayBuffer> {
  if (data.length !== 4 * width * height) {
    throw new UserError(
      `Cannot use a picture of ${width}x${height} pixels: it has ${data.length} values, red, green, blue and alpha are ` +
        `${4 * width * height}`,
    );
  }
  const pixels = new Uint8Array(3 * width * height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = data[4 * Math.floor(i / 3) + i % 3]!;
  return pixels;
}

/** The size of what a canvas draws: a video, a frame of one and an image call it otherwise than a bitmap. */
function sizeOf(picture: CanvasImageSource): readonly [width: number, height: number] {
  if ("displayWidth" in picture) return [picture.displayWidth, picture.displayHeight];
  if ("videoWidth" in picture) return [picture.videoWidth, picture.videoHeight];
  if ("naturalWidth" in picture) return [picture.naturalWidth, picture.naturalHeight];
  const { width, height } = picture as { readonly width: number; readonly height: number };
  return [Number(width), Number(height)];
}

/** Scales to `height` x `width`, which it covers, and cuts out the middle, by a canvas. */
function drawn(picture: CanvasImageSource, height: number, width: number): PixelData {
  const [fromWidth, fromHeight] = sizeOf(picture), scale = Math.max(width / fromWidth, height / fromHeight);
  if (!(fromWidth > 0 && fromHeight > 0)) throw new UserError("Cannot use a picture that is not loaded yet");
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingQuality = "high";
  const [drawnWidth, drawnHeight] = [fromWidth * scale, fromHeight * scale];
  context.drawImage(picture, (width - drawnWidth) / 2, (height - drawnHeight) / 2, drawnWidth, drawnHeight);
  return context.getImageData(0, 0, width, height);
}

/**
 * The middle of a picture at `height` x `width`: red, green, blue, 0 ... 255. Throws `UserError` where it is none, or of
 * another size in a place without a canvas and without the package sharp.
 */
export async function pixelsOf(picture: Picture, height: number, width: number): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = typeof OffscreenCanvas !== "undefined" && !hasProcess; // Deno's draws nothing
  if (!isPixelData(picture)) {
    if (canvas) return withoutAlpha(drawn(picture, height, width));
    throw new UserError("Cannot use this picture: outside of a browser it must have data, width and height");
  }
  if (picture.width === width && picture.height === height) return withoutAlpha(picture);
  const pixels = withoutAlpha(picture);
  if (!canvas) return (await resizeTo({ shape: [picture.height, picture.width, 3], pixels }, height, width)).pixels;
  const bitmap = await createImageBitmap(
    new ImageData(Uint8ClampedArray.from(picture.data), picture.width, picture.height),
  );
  try {
    return withoutAlpha(drawn(bitmap, height, width));
  } finally {
    bitmap.close();
  }
}
