/** A data set that a tiny network learns in seconds: 8x8 images, the class is the third that is bright. */
import type { Dataset } from "../../data/dataset.ts";
import { conv } from "../../layers/conv.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { maxPool } from "../../layers/max_pool.ts";
import { sequential } from "../../layers/sequential.ts";
import { random } from "../_gpu.ts";

export const INPUT = [8, 8, 1] as const;

export const tinyNetwork = (classes = 3) =>
  sequential("tiny", [
    conv("conv1", { channels: 8, kernel: 3, padding: "same", activation: "relu" }),
    maxPool("pool1", { kernel: 2, stride: 2 }),
    conv("conv2", { channels: classes, kernel: 1 }),
    globalAveragePool("average"),
  ]);

/** Class 0: bright stripes along rows; 1: along columns; 2: a flat image. */
export function stripes(count: number, seed = 1): Dataset {
  const noise = random(count * 64, seed), labels = Uint32Array.from({ length: count }, (_, i) => i % 3);
  const images = Float32Array.from(noise, (value, i) => {
    const label = labels[Math.floor(i / 64)]!, row = Math.floor(i / 8) % 8, column = i % 8;
    const bright = label === 2 ? 0 : (label === 0 ? row : column) % 2 === 0 ? 1 : -1;
    return bright + 0.3 * value;
  });
  return { images, labels, count, shape: INPUT };
}
