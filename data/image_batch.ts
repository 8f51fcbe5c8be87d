import { UserError } from "../core/host/errors.ts";
import { readFile } from "../core/host/files.ts";
import { NO_LABEL } from "../kernels/labels.ts";
import { decodeWindow, type Window } from "./crop.ts";
import { type ImageFolder, pathOf } from "./image_folder.ts";

/** A decoded batch as it goes to the device. */
export interface ImageBatch {
  /** [rows, crop, crop, 3], then zeros up to a multiple of 4. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** [rows], NO_LABEL where there is no example, or none that could be read. */
  readonly labels: Uint32Array<ArrayBuffer>;
}

/** Pictures of one batch that are read at the same time; the decoder has fewer threads. */
const AT_ONCE = 8;

/**
 * Reads and decodes pictures into a batch of `rows`: `examples` are their indices in the folder, `windowOf` says which
 * part of the n-th is seen. One that is no picture is left black, without a label, and `skip` hears of it. Throws
 * `UserError` where a file cannot be read at all: then it is not the picture that is at fault.
 */
export async function decodeBatch(
  folder: ImageFolder,
  examples: ArrayLike<number>,
  rows: number,
  crop: number,
  windowOf: (n: number) => Window,
  skip: (index: number, error: UserError) => void,
): Promise<ImageBatch> {
  const size = crop * crop * 3;
  const pixels = new Uint8Array(4 * Math.ceil(rows * size / 4)), labels = new Uint32Array(rows).fill(NO_LABEL);
  let next = 0;
  const work = async () => {
    while (next < examples.length) {
      const n = next++, index = examples[n]!, path = pathOf(folder, index), bytes = await readFile(path);
      try {
        pixels.set(await decodeWindow(bytes, path, windowOf(n)), n * size);
        labels[n] = folder.labels[index]!;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        skip(index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { pixels, labels };
}
