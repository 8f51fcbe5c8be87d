import { canvasOf } from "../configs/canvas.ts";
import type { DatasetConfig } from "../configs/schema.ts";
import type { Layer } from "../core/graph/layer.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Whitening } from "../data/whitening.ts";

/** A trained network and what its images go through before it. */
export interface TrainedNetwork {
  readonly network: Layer;
  /** The data set of its config; null for a network built in code, which takes images as they are. */
  readonly dataset: DatasetConfig | null;
  /** "conv1/w" as [height, width, in, out], "conv1/b", ... */
  readonly params: Readonly<Record<string, HostTensor>>;
  /** What the config's zca step does, or null where it has none. */
  readonly whitening: Whitening | null;
  /** The shape of one image. */
  readonly image: Dataset["shape"];
  /** Names of the classes, in the order of the labels. */
  readonly classes: readonly string[];
}

/** The shape of what the network sees: the canvas of its images, if there is one. */
export function seenShape({ dataset, image }: Pick<TrainedNetwork, "dataset" | "image">): Dataset["shape"] {
  const canvas = dataset === null ? null : canvasOf(dataset);
  return canvas === null ? image : [canvas.size, canvas.size, image[2]];
}
