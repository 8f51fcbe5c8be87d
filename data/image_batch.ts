import { FileError, UserError } from "../core/host/errors.ts";
import { isDirectory, readStoredFile } from "../core/host/files.ts";
import { NO_LABEL } from "../kernels/labels.ts";
import { type Crop, decodeCrop } from "./crop.ts";
import { type ImageFolder, pathOf } from "./image_folder.ts";

/** A decoded batch as it goes to the device. */
export interface ImageBatch {
  /** [rows, crop, crop, 3], then zeros up to a multiple of 4. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** [rows], NO_LABEL where there is no example, or none that could be read. */
  readonly labels: Uint32Array<ArrayBuffer>;
}

/** How files fail to open that are deleted, are no files, or may not be read. */
const OF_FILE = ["ENOENT", "EISDIR", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG", "ESPECIAL"];

/** Is it the picture that is at fault, and not the disk? */
async function isOfPicture(error: UserError, { directory }: ImageFolder): Promise<boolean> {
  return !(error instanceof FileError) || OF_FILE.includes(error.code) && await isDirectory(directory);
}

/** Pictures of one batch that are read at the same time; the decoder has fewer threads. */
const AT_ONCE = 8;

/**
 * Reads and decodes pictures into a batch of `rows`: `examples` are their indices in the folder, `cropOf` says which
 * part of the n-th is seen. One that is no picture or cannot be opened is left black, without a label, and `skip` hears
 * of it. Throws `UserError` where it is not the picture that is at fault: a failing disk, a folder that went away.
 */
export async function decodeBatch(
  folder: ImageFolder,
  examples: ArrayLike<number>,
  rows: number,
  crop: number,
  cropOf: (n: number) => Crop,
  skip: (index: number, error: UserError) => void,
): Promise<ImageBatch> {
  const size = crop * crop * 3;
  const pixels = new Uint8Array(4 * Math.ceil(rows * size / 4)), labels = new Uint32Array(rows).fill(NO_LABEL);
  let next = 0;
  const work = async () => {
    while (next < examples.length) {
      const n = next++, index = examples[n]!, path = pathOf(folder, index);
      try {
        pixels.set(await decodeCrop(await readStoredFile(path), path, cropOf(n)), n * size);
        labels[n] = folder.labels[index]!;
      } catch (error) {
        if (!(error instanceof UserError) || !await isOfPicture(error, folder)) throw error;
        skip(index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { pixels, labels };
}
