/** The larger canvas that a config places its images on, in the units of preprocessed images. */
import type { DatasetConfig, DistortConfig } from "./schema.ts";

export interface Canvas {
  /** Height and width in pixels. */
  readonly size: number;
  readonly background: number;
  /** What training draws, colours in the units of preprocessed images. */
  readonly distortion: Omit<DistortConfig, "lastEpochsPlain"> | null;
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

/** Rows or columns of background before an image of `length` in the middle of the canvas, and behind it. */
export function margins({ size }: Pick<Canvas, "size">, length: number): { before: number; after: number } {
  const before = Math.floor((size - length) / 2);
  return { before, after: size - length - before };
}
