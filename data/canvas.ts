/** The larger canvas that a config places its images on, in the units of preprocessed images. */
import type { Distortion } from "../kernels/data/draw_distortions.ts";
import type { DatasetConfig } from "./dataset_config.ts";
import type { ImageShape } from "./dataset.ts";
import { channelScale } from "./transforms/mod.ts";

/** A canvas that images are placed on, in the units of preprocessed images. */
export interface Canvas {
  /** Height and width in pixels. */
  readonly size: number;
  /** The value around the image. */
  readonly background: number;
  /** What training draws, colours in the units of preprocessed images. */
  readonly distortion: Distortion | null;
  /** So many epochs at the end of a training are not distorted. */
  readonly lastEpochsPlain: number;
}

/** The canvas of a data set, or null. */
export function canvasOf(dataset: DatasetConfig): Canvas | null {
  if (dataset.canvas === undefined) return null;
  const { subtract, divide } = channelScale(dataset, 1), { size, background, distort } = dataset.canvas;
  const canvas = { size, background: (background - subtract[0]!) / divide };
  if (distort === undefined) return { ...canvas, distortion: null, lastEpochsPlain: 0 };
  const { color, lastEpochsPlain, ...geometry } = distort;
  return {
    ...canvas,
    distortion: {
      ...geometry,
      color: {
        offset: color.offset / divide,
        contrast: color.contrast,
        gradientX: color.gradientX / divide,
        gradientY: color.gradientY / divide,
      },
    },
    lastEpochsPlain,
  };
}

/** Rows or columns of background before an image of `length` in the middle of the canvas, and behind it. */
export function margins({ size }: Pick<Canvas, "size">, length: number): { before: number; after: number } {
  const before = Math.floor((size - length) / 2);
  return { before, after: size - length - before };
}

/** Images [count, height, width, channels] in the middle of their canvas, as an evaluation places them. */
export function placed(
  images: Float32Array,
  [height, width, channels]: ImageShape,
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
