/** The pixels of single examples of a split, as they are stored: what a user wants to see of them. */
import { readStoredFile } from "../core/host/files.ts";
import { elements } from "../core/graph/tensor.ts";
import { cropsOf, imageShape } from "../data/datasets/mod.ts";
import { imageFor } from "../data/image_for.ts";
import { pathOf } from "../data/image_folder.ts";
import { listSplit, loadSplit, type Source } from "./preprocess.ts";

export interface ExamplePixels {
  /** How many examples there are. */
  readonly count: number;
  readonly labels: Uint32Array;
  /** The file of an example, or null where one file holds many. */
  path(index: number): string | null;
  /** Values 0 ... 255 of the part of it that an evaluation sees: [height, width, channels]. */
  read(index: number): Promise<Float32Array>;
}

/** Opens the examples of a split, as many as the source's config says. Throws `UserError` where they cannot be read. */
export async function openPixels(source: Source, split: "train" | "test"): Promise<ExamplePixels> {
  const { config } = source, crops = cropsOf(config);
  if (crops !== null) {
    const folder = await listSplit(source, split);
    const path = (index: number) => pathOf(folder, index);
    return {
      count: folder.names.length,
      labels: folder.labels,
      path,
      async read(index) {
        const bytes = await readStoredFile(path(index));
        return Float32Array.from((await imageFor(bytes, path(index), imageShape(config), crops)).pixels);
      },
    };
  }
  const { images, labels, count, shape } = await loadSplit(source, split), size = elements(shape);
  return {
    count,
    labels,
    path: () => null,
    read: (index) => Promise.resolve(images.subarray(index * size, (index + 1) * size)),
  };
}
