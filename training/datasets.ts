/** What is known of each data set before any file is read; apart from the readers, so that browsers need none. */
import type { DatasetConfig } from "../configs/schema.ts";
import type { Dataset } from "../data/dataset.ts";

/** How many classes the labels of a data set name, or null where its files decide. */
export const CLASSES: Readonly<Record<DatasetConfig["name"], number | null>> = {
  cifar10: 10,
  shapes: 10,
  imageFolder: null,
};

/** The shape [height, width, channels] of the images as they are stored. */
export function imageShape({ imageFolder }: Pick<DatasetConfig, "imageFolder">): Dataset["shape"] {
  return imageFolder === undefined ? [32, 32, 3] : [imageFolder.crop, imageFolder.crop, 3];
}

/** The shape [height, width, channels] of what the network sees. */
export function inputShape(dataset: Pick<DatasetConfig, "imageFolder" | "canvas">): Dataset["shape"] {
  return dataset.canvas === undefined ? imageShape(dataset) : [dataset.canvas.size, dataset.canvas.size, 3];
}
