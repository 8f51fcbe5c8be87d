/** Pictures from files: decoded, upright, in sRGB, scaled to what a network takes. */
import { UserError } from "../core/host/errors.ts";
import { readFile } from "../core/host/files.ts";
import { foreignFormat } from "../core/host/foreign_formats.ts";
import { complaintOf, loadSharp } from "./sharp.ts";

/** The pixels of a picture, row by row. */
export interface Image {
  /** [height, width, red green blue] */
  readonly shape: readonly [height: number, width: number, channels: 3];
  /** Values 0 ... 255, height * width * 3 of them. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** What shines through transparent pixels: white, as in most programs that show pictures. */
export const BACKGROUND = "#ffffff";

/** Throws `UserError` where pictures cannot be read here, before anything slow begins. */
export async function checkDecoder(): Promise<void> {
  await loadSharp();
}

/**
 * Reads a picture: PNG, JPEG, WebP, GIF, AVIF or TIFF, of any size up to 268 megapixels.
 *
 * Grey, palette, 16 bit and CMYK become 8 bit sRGB, by the embedded colour profile if there is one; transparent pixels
 * are laid on white; a rotation in the EXIF data is applied; of an animation it is the first frame.
 *
 * @param path a file
 * @returns its pixels, at the size of the file
 * @throws {UserError} the file cannot be read, is no picture or ends early, or the package sharp is missing
 */
export async function readImage(path: string): Promise<Image> {
  return await decodeImage(await readFile(path), path);
}

/** As `readImage`, of a file's bytes; `source` names them in errors. */
export async function decodeImage(bytes: Uint8Array, source: string): Promise<Image> {
  const sharp = await loadSharp();
  try {
    // Cameras write JPEG files with small faults that every program shows; "error" still refuses what ends early.
    const { data, info } = await sharp(bytes, { autoOrient: true, failOn: "error" })
      .flatten({ background: BACKGROUND }).toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
    return { shape: [info.height, info.width, 3], pixels: Uint8Array.from(data) };
  } catch (error) {
    throw decodingError(source, bytes, error);
  }
}

/** What a user is told where the decoder failed on a file's bytes. */
export function decodingError(source: string, bytes: Uint8Array, error: unknown): UserError {
  const format = foreignFormat(bytes), why = format === null ? reason((error as Error).message) : `it is ${format}`;
  return new UserError(`Cannot read "${source}" as an image: ${why}`);
}

/**
 * Values red, green, blue as what a network of so many channels takes: grey is their luma (ITU-R BT.601). Throws
 * `UserError` where pictures have no such channels.
 */
export function inChannels(pixels: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return pixels;
  if (channels !== 1) {
    throw new UserError(`Cannot read pictures for a network of ${channels} channels: they have 3, or 1`);
  }
  const luma = (i: number) => 0.299 * pixels[i]! + 0.587 * pixels[i + 1]! + 0.114 * pixels[i + 2]!;
  return Uint8Array.from({ length: pixels.length / 3 }, (_, i) => Math.round(luma(3 * i)));
}

function reason(message: string): string {
  if (/unsupported image format/.test(message)) return "it is none, or of an unknown format; PNG and JPEG are known";
  if (/is empty/.test(message)) return "it is empty";
  if (/pixel limit/.test(message)) return "it has more than 268 megapixels";
  return `it is damaged or incomplete (${complaintOf(message)})`;
}

/**
 * Scales a picture with Lanczos' filter (behind averages of whole pixels where it shrinks much, so that nothing
 * aliases) until it just covers `height` x `width`, and cuts out the middle. One of that size stays as it is.
 *
 * @throws {UserError} the package sharp is missing
 *
 * @example
 * ```ts
 * const image = { shape: [2, 4, 3], pixels: new Uint8Array(2 * 4 * 3).fill(128) } as const;
 * const { shape, pixels } = await resizeTo(image, 1, 1);
 * console.log(shape, pixels); // [ 1, 1, 3 ] Uint8Array(3) [ 128, 128, 128 ]
 * ```
 */
export async function resizeTo({ shape, pixels }: Image, height: number, width: number): Promise<Image> {
  const [fromHeight, fromWidth, channels] = shape;
  if (fromHeight === height && fromWidth === width) return { shape, pixels };
  const sharp = await loadSharp();
  const raw = { width: fromWidth, height: fromHeight, channels };
  const resized = await sharp(pixels, { raw, limitInputPixels: false })
    .resize(width, height, { fit: "cover", position: "centre", kernel: "lanczos3" }).raw().toBuffer();
  return { shape: [height, width, 3], pixels: Uint8Array.from(resized) };
}
