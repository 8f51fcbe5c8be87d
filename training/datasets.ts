/** What is known of each data set before any file is read; apart from the reading, so that browsers need no files. */
import type { DatasetConfig } from "../configs/schema.ts";
import { CIFAR100_CLASSES } from "../data/cifar100.ts";
import { CIFAR10_CLASSES } from "../data/cifar10.ts";
import { SHAPE_CLASSES } from "../data/generated.ts";

/**
 * The names of the classes of a data set, in the order of the labels.
 *
 * @example
 * ```ts
 * console.log(classNames({ name: "cifar10" })[3]); // cat
 * ```
 */
export function classNames({ name, labels = "fine" }: Pick<DatasetConfig, "name" | "labels">): readonly string[] {
  switch (name) {
    case "cifar10":
      return CIFAR10_CLASSES;
    case "cifar100":
      return CIFAR100_CLASSES[labels];
    case "shapes":
      return SHAPE_CLASSES;
    default:
      return name satisfies never;
  }
}

/** The image shape [height, width, channels] of all of them. */
export const IMAGE_SHAPE = [32, 32, 3] as const;
