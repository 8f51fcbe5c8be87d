/** What is known of each data set before any file is read; apart from the readers, so that browsers need none. */
import type { DatasetConfig } from "../configs/schema.ts";

/** How many classes the labels of a data set name. */
export const CLASSES: Readonly<Record<DatasetConfig["name"], number>> = { cifar10: 10, shapes: 10 };

/** The image shape [height, width, channels] of all of them. */
export const IMAGE_SHAPE = [32, 32, 3] as const;
