/** Examples for tests of whole networks: real CIFAR-10 where ALLCNN_DATA names it. */
import { readCifar10 } from "../../data/datasets/cifar10.ts";
import type { Dataset } from "../../data/dataset.ts";
import { globalContrastNormalize } from "../../data/transforms/gcn.ts";
import process from "node:process";

export const CIFAR10 = process.env["ALLCNN_DATA"];

/** Says that a test is skipped, and why. */
export function skipped(name: string): void {
  console.log(`skipped: "${name}" needs the real CIFAR-10, name its folder in ALLCNN_DATA`);
}

/** The first `count` real images, contrast-normalized to the RMS of whitened ones (0.52). */
export async function realImages(count: number, split: "train" | "test" = "train"): Promise<Dataset> {
  const data = await readCifar10(CIFAR10!, split, count);
  globalContrastNormalize(data.images, 3072, 0.52 * Math.sqrt(3072));
  return data;
}
