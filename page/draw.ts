/** Pixels and signals on canvases. */
import type { Picture } from "../report/tile_grid.ts";
import { signalPicture } from "../report/signal_picture.ts";

interface Size {
  readonly height: number;
  readonly width: number;
}

/** A canvas with the pixels of a picture, row by row; it is enlarged by the page's style. */
export function pixelCanvas({ height, width, pixels }: Picture, label: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d")!;
  Object.assign(canvas, { width, height });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const data = context.createImageData(width, height), channels = pixels.length / (width * height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) data.data[4 * i + c] = pixels[channels * i + Math.min(c, channels - 1)]!;
    data.data[4 * i + 3] = 255;
  }
  context.putImageData(data, 0, 0);
  return canvas;
}

/** A signal at the pixels: grey is 0, black and white are the largest value. */
export function signalCanvas(values: Float32Array, size: Size, label: string): HTMLCanvasElement {
  return pixelCanvas(signalPicture(values, size, "symmetric"), label);
}

export const format = (value: number): string =>
  value !== 0 && (Math.abs(value) < 0.01 || Math.abs(value) >= 1e4) ? value.toExponential(1) : value.toFixed(2);
