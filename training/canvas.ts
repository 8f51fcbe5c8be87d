import { type Canvas, margins } from "../configs/canvas.ts";

/** Images [count, height, width, channels] in the middle of their canvas, as an evaluation places them. */
export function placed(
  images: Float32Array,
  [height, width, channels]: readonly [number, number, number],
  canvas: Pick<Canvas, "size" | "background">,
): Float32Array<ArrayBuffer> {
  const { size, background } = canvas;
  const count = images.length / (height * width * channels), row = width * channels;
  const result = new Float32Array(count * size * size * channels).fill(background);
  const top = margins(canvas, height).before, left = margins(canvas, width).before;
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      const from = (n * height + y) * row;
      result.set(images.subarray(from, from + row), ((n * size + top + y) * size + left) * channels);
    }
  }
  return result;
}
