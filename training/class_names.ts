import type { DatasetConfig } from "../configs/schema.ts";
import { CIFAR10_CLASSES } from "../data/cifar10.ts";
import { SHAPE_CLASSES } from "../data/generated.ts";

/** The class names of each data set, in the order of the labels. */
export const CLASS_NAMES: Readonly<Record<DatasetConfig["name"], readonly string[]>> = {
  cifar10: CIFAR10_CLASSES,
  shapes: SHAPE_CLASSES,
};
