/** Pictures that a command line names, as a network takes them. */
import { UserError } from "../core/host/errors.ts";
import { isDirectory, readFile, readStoredFile } from "../core/host/files.ts";
import { cropsOf } from "../data/datasets/mod.ts";
import { imageFor } from "../data/image_for.ts";
import { picturesIn } from "../data/image_folder.ts";
import type { Model } from "../training/model.ts";
import type { ProgressLine } from "./progress.ts";

/** A picture that a command line names, or that lies in a folder that it names: there a pipe is nobody's intent. */
export interface PictureFile {
  readonly path: string;
  readonly named: boolean;
}

/**
 * Decodes files; one that cannot be read is a line on standard error and does not stop the others. `resized` hears of
 * those that are of another size, unless the config says itself how pictures are scaled.
 */
export async function readImages(
  { images: shape, config }: Model,
  files: readonly PictureFile[],
  screen: ProgressLine,
  resized: (path: string, height: number, width: number) => void = () => {},
) {
  const [height, width, channels] = shape, size = height * width * channels;
  const crops = config === null ? null : cropsOf(config.dataset);
  const images = new Float32Array(files.length * size), read: string[] = [];
  for (const { path, named } of files) {
    try {
      const { pixels, from } = await imageFor(await (named ? readFile : readStoredFile)(path), path, shape, crops);
      images.set(pixels, read.length * size);
      if (from !== null && from.join() !== `${height},${width}`) resized(path, ...from);
      read.push(path);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      screen.error(`allcnn: ${error.message}`);
    }
  }
  return { read, images: images.subarray(0, read.length * size) };
}

/**
 * The files that are named, and the pictures in folders that are. Throws `UserError` where a folder cannot be read or
 * holds none, or there are more than `most`.
 */
export async function findImages(names: readonly string[], most = Infinity): Promise<PictureFile[]> {
  const files: PictureFile[] = [];
  for (const name of names) {
    if (!await isDirectory(name)) {
      files.push({ path: name, named: true });
      continue;
    }
    files.push(...(await picturesIn(name)).map((file) => ({ path: `${name}/${file}`, named: false })));
  }
  if (files.length > most) {
    throw new UserError(`Cannot draw ${files.length} images in one picture: name at most ${most}`);
  }
  return files;
}
