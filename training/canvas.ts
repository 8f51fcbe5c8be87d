/** The larger canvas that a config places its images on, in the units of preprocessed images. */
import type { DatasetConfig } from "../configs/schema.ts";
import type { Distortion } from "../kernels/draw_distortions.ts";
import { canvasOffset } from "../kernels/place_on_canvas.ts";

export interface Canvas {
  /** Height and width in pixels. */
  readonly size: number;
  readonly background: number;
  readonly distortion: Distortion | null;
  /** So many epochs at the end of a training are not distorted. */
  readonly lastEpochsPlain: number;
}

/** What preprocessing does to a pixel's value: (value - subtract) / divide. */
function pixelScale({ preprocess }: DatasetConfig): { subtract: number; divide: number } {
  if (preprocess.length === 0) return { subtract: 127.5, divide: 127.5 };
  return preprocess.reduce(
    (total, step) => {
      if (!("scale" in step)) throw new Error("A canvas needs a preprocessing of pixels");
      const { subtract, divide } = step.scale;
      return { subtract: total.subtract + total.divide * subtract, divide: total.divide * divide };
    },
    { subtract: 0, divide: 1 },
  );
}

/** The canvas of a data set, or null. */
export function canvasOf(dataset: DatasetConfig): Canvas | null {
  if (dataset.canvas === undefined) return null;
  const { subtract, divide } = pixelScale(dataset), { size, background, distort } = dataset.canvas;
  const canvas = { size, background: (background - subtract) / divide };
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

/** Images [count, height, width, channels] in the middle of their canvas, as an evaluation places them. */
export function placed(
  images: Float32Array,
  [height, width, channels]: readonly [number, number, number],
  { size, background }: Canvas,
): Float32Array<ArrayBuffer> {
  const count = images.length / (height * width * channels), row = width * channels;
  const result = new Float32Array(count * size * size * channels).fill(background);
  const top = canvasOffset(size, height), left = canvasOffset(size, width);
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      const from = (n * height + y) * row;
      result.set(images.subarray(from, from + row), ((n * size + top + y) * size + left) * channels);
    }
  }
  return result;
}
