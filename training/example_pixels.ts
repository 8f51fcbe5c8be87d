/** The pixels of single examples of a split, as they are stored: what a user wants to see of them. */
import { readFile } from "../core/host/files.ts";
import { decodeWindow, MIDDLE } from "../data/crop.ts";
import { pathOf } from "../data/image_folder.ts";
import { listPictures } from "./open_examples.ts";
import { loadExamples, type Source } from "./preprocess.ts";

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
  const { imageFolder: window, trainExamples, testExamples } = source.config;
  if (window !== undefined) {
    const folder = await listPictures(source, split);
    const path = (index: number) => pathOf(folder, index);
    return {
      count: folder.names.length,
      labels: folder.labels,
      path,
      async read(index) {
        const bytes = await readFile(path(index));
        return Float32Array.from(await decodeWindow(bytes, path(index), { ...window, ...MIDDLE }));
      },
    };
  }
  const { images, labels, count, shape } = await loadExamples(
    source,
    split,
    split === "train" ? trainExamples : testExamples,
  );
  const size = shape[0] * shape[1] * shape[2];
  return {
    count,
    labels,
    path: () => null,
    read: (index) => Promise.resolve(images.subarray(index * size, (index + 1) * size)),
  };
}
