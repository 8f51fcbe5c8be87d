import type { DatasetConfig } from "./schema.ts";

/** What preprocessing does to the value of a pixel: (value - subtract[channel]) / divide. */
export interface PixelScale {
  readonly subtract: readonly number[];
  readonly divide: number;
}

/** The steps of a preprocessing that knows pixels alone, as one; without any, values 0 ... 255 become -1 ... 1. */
export function pixelScale({ preprocess }: Pick<DatasetConfig, "preprocess">): PixelScale {
  if (preprocess.length === 0) return { subtract: [127.5, 127.5, 127.5], divide: 127.5 };
  let subtract = [0, 0, 0], divide = 1;
  const shift = (by: readonly number[]) => subtract = subtract.map((value, channel) => value + divide * by[channel]!);
  for (const step of preprocess) {
    if ("channelMeans" in step) shift(step.channelMeans);
    else if ("scale" in step) {
      const { subtract: value } = step.scale;
      shift([value, value, value]);
      divide *= step.scale.divide;
    } else throw new Error("This preprocessing needs whole images");
  }
  return { subtract, divide };
}
