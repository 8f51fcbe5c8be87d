/** Folders of pictures, one folder per class: train/<class>/*.JPEG and val/<class>/*.JPEG, as ImageNet is laid out. */
import { UserError } from "../core/host/errors.ts";
import { isDirectory, list } from "../core/host/files.ts";

/** The pictures of a split, listed but not read. Few bytes for each: there may be millions. */
export interface ImageFolder {
  /** The folder of the split. */
  readonly directory: string;
  /** In the order of the labels: the sorted names of the folders. */
  readonly classes: readonly string[];
  /** File names within the folder of their class: the first of every class, then the second of every class ... */
  readonly names: readonly string[];
  readonly labels: Uint32Array;
}

/** Does a file of this name count as a picture? Others in a folder, as lists of boxes, are passed over. */
export function isPicture(name: string): boolean {
  return /\.(jpe?g|png|webp)$/i.test(name) && !name.startsWith(".");
}

/** The path of a picture. */
export function pathOf({ directory, classes, names, labels }: ImageFolder, index: number): string {
  return `${directory}/${classes[labels[index]!]!}/${names[index]!}`;
}

async function foldersIn(directory: string): Promise<string[]> {
  const folders: string[] = [];
  for (const name of await list(directory)) {
    if (!name.startsWith(".") && await isDirectory(`${directory}/${name}`)) folders.push(name);
  }
  return folders;
}

/**
 * Lists a split. The classes are the folders of train/; of val/ where there is no train/. The first `limit` pictures
 * are as many of every class as possible. Throws `UserError` where folders are missing, empty or unknown to train/.
 */
export async function listImageFolder(
  directory: string,
  split: "train" | "val",
  limit = Infinity,
): Promise<ImageFolder> {
  const folder = `${directory}/${split}`, reference = `${directory}/train`;
  const own = await foldersIn(folder);
  if (own.length === 0) {
    const found = await isDirectory(folder) ? "it holds no folders" : "there is no such folder";
    throw new UserError(
      `Cannot read images from "${folder}": ${found}, expected one for each class, with its pictures`,
    );
  }
  const classes = split === "val" && await isDirectory(reference) ? await foldersIn(reference) : own;
  const unknown = own.find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`Cannot read images from "${folder}": its class "${unknown}" is not in "${reference}"`);
  }
  const files: (readonly string[])[] = [];
  for (const name of classes) {
    if (!own.includes(name)) {
      files.push([]);
      continue;
    }
    const pictures = (await list(`${folder}/${name}`)).filter(isPicture);
    if (pictures.length === 0) {
      throw new UserError(
        `Cannot read images from "${folder}/${name}": it holds no picture (.jpeg, .jpg, .png, .webp); ` +
          "fill the folder of this class, or delete it",
      );
    }
    files.push(pictures);
  }
  const count = Math.min(limit, files.reduce((sum, { length }) => sum + length, 0));
  const names: string[] = [], labels = new Uint32Array(count);
  for (let turn = 0; names.length < count; turn++) {
    for (let label = 0; label < files.length && names.length < count; label++) {
      const name = files[label]![turn];
      if (name === undefined) continue;
      labels[names.length] = label;
      names.push(name);
    }
  }
  return { directory: folder, classes, names, labels };
}
