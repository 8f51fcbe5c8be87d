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
