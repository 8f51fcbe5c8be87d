import type { ImageShape } from "../data/dataset.ts";
import type { Rectangle } from "./receptive_field.ts";

/** A part of an image: the rectangle and its values [height, width, channels]. */
export interface Crop extends Rectangle {
  readonly values: Float32Array;
}

/** Cuts a rectangle that lies in the image, as `clip` makes it, out of `image` [height, width, channels]. */
export function cropOf(image: Float32Array, [, columns, channels]: ImageShape, part: Rectangle): Crop {
  const { top, left, height, width } = part, values = new Float32Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * columns + left) * channels;
    values.set(image.subarray(from, from + width * channels), y * width * channels);
  }
  return { ...part, values };
}

/**
 * Where a patch is shown, of one size for all units of a layer: what the unit sees, also outside of the image; the whole
 * image along an axis on which it sees more than that.
 */
export function frameOf(seen: Rectangle, [rows, columns]: ImageShape): Rectangle {
  const [top, height] = seen.height > rows ? [0, rows] : [seen.top, seen.height];
  const [left, width] = seen.width > columns ? [0, columns] : [seen.left, seen.width];
  return { top, left, height, width };
}

/** A crop within its frame; `fill` stands where the frame reaches beyond it. */
export function framed({ values, ...part }: Crop, frame: Rectangle, fill: number): Crop {
  const channels = values.length / (part.height * part.width), row = part.width * channels;
  const framedValues = new Float32Array(frame.height * frame.width * channels).fill(fill);
  for (let y = 0; y < part.height; y++) {
    const at = ((part.top - frame.top + y) * frame.width + part.left - frame.left) * channels;
    framedValues.set(values.subarray(y * row, (y + 1) * row), at);
  }
  return { ...frame, values: framedValues };
}
