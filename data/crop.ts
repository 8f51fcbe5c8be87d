/** Crops of pictures of any size, decoded and scaled by sharp in threads of its own. */
import { UserError } from "../core/host/errors.ts";
import { BACKGROUND, decodingError } from "./image.ts";
import { loadSharp } from "./sharp.ts";

/** Which crops of pictures are seen: the short side is scaled to `shortSide` pixels, then `crop` x `crop` are cut out. */
export interface Crops {
  /** Pixels of the short side after scaling. */
  readonly shortSide: number;
  /** Height and width of what is cut out, in pixels. */
  readonly crop: number;
  /** In training: a random crop, mirrored left to right with probability 1/2. */
  readonly flip: boolean;
  /** The names of the classes, in the order of the labels. Absent: those of the folders, sorted. */
  readonly classes?: readonly string[] | undefined;
}

/** One of them. */
export interface Crop extends Crops {
  /** Where between the first and the last place, 0 to 1: 0.5 is the middle. */
  readonly x: number;
  readonly y: number;
  /** Mirror left to right. */
  readonly flip: boolean;
}

/** The crop that an evaluation looks at. */
export const MIDDLE = { x: 0.5, y: 0.5, flip: false };

/** Longer than so many times its short side, a picture is a strip of which no crop shows much; and scaled, huge. */
const MOST_LONG = 32;

/** The place of `size` within `length`; every place is equally likely for a uniform `share`. */
const place = (share: number, length: number, size: number) =>
  Math.min(length - size, Math.floor(share * (length - size + 1)));

/**
 * A crop of the picture in `bytes`: crop * crop * 3 values, upright, in sRGB, as `decodeImage`; a small picture is
 * enlarged. Throws `UserError`, naming `source`, where it is none, damaged or a strip.
 */
export async function decodeCrop(
  bytes: Uint8Array,
  source: string,
  { shortSide, crop, x, y, flip }: Crop,
): Promise<Uint8Array> {
  const sharp = await loadSharp();
  try {
    const picture = sharp(bytes, { autoOrient: true, failOn: "error" });
    const { autoOrient: size } = await picture.metadata(), short = Math.min(size.width, size.height);
    if (Math.max(size.width, size.height) > MOST_LONG * short) {
      throw new UserError(
        `Cannot use "${source}": of ${size.width}x${size.height} pixels, it is a strip, not a picture`,
      );
    }
    const scaled = (length: number) => Math.max(shortSide, Math.round(length * shortSide / short));
    const width = scaled(size.width), height = scaled(size.height);
    return await picture
      .resize(width, height, { fit: "fill" }) // shrinks while it decodes, where it can
      .extract({ left: place(x, width, crop), top: place(y, height, crop), width: crop, height: crop })
      .flop(flip).flatten({ background: BACKGROUND }).toColourspace("srgb").raw().toBuffer();
  } catch (error) {
    throw error instanceof UserError ? error : decodingError(source, bytes, error);
  }
}
