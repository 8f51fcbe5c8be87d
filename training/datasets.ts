/** What is known of each data set before any file is read; apart from the reading, so that browsers need no files. */
import type { DatasetConfig } from "../configs/schema.ts";
import type { Dataset } from "../data/dataset.ts";
import { CIFAR100_CLASSES } from "../data/cifar100.ts";
import { CIFAR10_CLASSES } from "../data/cifar10.ts";
import { SHAPE_CLASSES } from "../data/generated.ts";

/**
 * The names of the classes of a data set, in the order of the labels, none where its files decide.
 *
 * @example
 * ```ts
 * console.log(classNames({ name: "cifar10" })[3]); // cat
 * ```
 */
export function classNames(
  { name, labels = "fine" }: Pick<DatasetConfig, "name" | "labels">,
): readonly string[] {
  switch (name) {
    case "cifar10":
      return CIFAR10_CLASSES;
    case "cifar100":
      return CIFAR100_CLASSES[labels];
    case "shapes":
      return SHAPE_CLASSES;
    case "imageFolder":
      return [];
    default:
      return name satisfies never;
  }
}

/** The shape [height, width, channels] of the images of all but imageFolder. */
export const IMAGE_SHAPE = [32, 32, 3] as const;

/** The shape [height, width, channels] of the images as they are stored. */
export function imageShape({ imageFolder }: Pick<DatasetConfig, "imageFolder">): Dataset["shape"] {
  return imageFolder === undefined ? IMAGE_SHAPE : [imageFolder.crop, imageFolder.crop, 3];
}

/** The shape [height, width, channels] of what the network sees. */
export function inputShape(dataset: Pick<DatasetConfig, "imageFolder" | "canvas">): Dataset["shape"] {
  return dataset.canvas === undefined ? imageShape(dataset) : [dataset.canvas.size, dataset.canvas.size, 3];
}
