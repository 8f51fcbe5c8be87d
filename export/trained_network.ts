import type { Layer } from "../core/graph/layer.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import { canvasOf } from "../data/canvas.ts";
import type { ImageShape } from "../data/dataset.ts";
import type { DatasetConfig } from "../data/dataset_config.ts";
import type { Whitening } from "../data/whitening.ts";

/** A trained network and what its images go through before it. */
export interface TrainedNetwork {
  readonly network: Layer;
  /** The data set of its config; null for a network built in code, which takes images as they are. */
  readonly dataset: DatasetConfig | null;
  /** "conv1/w" as [height, width, in, out], "conv1/b", ... */
  readonly params: Readonly<Record<string, HostTensor>>;
  /** What was fitted for the transforms of its config, or null where none is. */
  readonly whitening: Whitening | null;
  /** The shape of one image. */
  readonly image: ImageShape;
  /** Names of the classes, in the order of the labels. */
  readonly classes: readonly string[];
}

/** What an input is, in words. */
export function inputWords({ dataset, image: [, , channels] }: Pick<TrainedNetwork, "dataset" | "image">): string {
  if (dataset === null) return "as the network takes it";
  return `raw pixels 0 ... 255, ${channels === 1 ? "grey" : "red, green, blue"}`;
}

/** The shape of what the network sees: the canvas of its images, if there is one. */
export function seenShape({ dataset, image }: Pick<TrainedNetwork, "dataset" | "image">): ImageShape {
  const canvas = dataset === null ? null : canvasOf(dataset);
  return canvas === null ? image : [canvas.size, canvas.size, image[2]];
}
