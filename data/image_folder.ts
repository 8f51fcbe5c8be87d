/** Folders of pictures, one folder per class: train/<class>/*.JPEG and val/<class>/*.JPEG, as ImageNet is laid out. */
import { UserError } from "../core/host/errors.ts";
import { entriesOf, isDirectory } from "../core/host/files.ts";
import { didYouMean } from "../core/kinds/nearest.ts";
import { IgnoredEntries } from "./ignored_entries.ts";

/** The pictures of a split, listed but not read. Few bytes for each: there may be millions. */
export interface ImageFolder {
  /** The folder of the split. */
  readonly directory: string;
  /** In the order of the labels: the sorted names of the folders. */
  readonly classes: readonly string[];
  /** File names within the folder of their class: the first of every class, then the second of every class ... */
  readonly names: readonly string[];
  readonly labels: Uint32Array;
  /** A line about what lies there and is not used, or null. */
  readonly note: string | null;
}

/** What a folder of pictures is expected to hold, for messages. */
export const PICTURES = ".jpeg, .jpg, .png, .webp, .gif, .tiff, .tif, .avif";

/** Does a file of this name count as a picture? Others in a folder, as lists of boxes, are ignored. */
export function isPicture(name: string): boolean {
  return /\.(jpe?g|png|webp|gif|tiff?|avif)$/i.test(name) && !name.startsWith(".");
}

/** The path of a picture. */
export function pathOf({ directory, classes, names, labels }: ImageFolder, index: number): string {
  return `${directory}/${classes[labels[index]!]!}/${names[index]!}`;
}

/** The names of the folders in a folder; `ignored` hears of what else is there. */
async function foldersIn(directory: string, ignored = new IgnoredEntries()): Promise<string[]> {
  const all = await entriesOf(directory);
  for (const { name, type } of all) if (type !== "folder") ignored.add("beside the folders of classes", name);
  return all.filter(({ name, type }) => type === "folder" && !name.startsWith(".")).map(({ name }) => name);
}

/** The names of the pictures in a folder. Throws `UserError` where it cannot be read or holds none. */
export async function picturesIn(directory: string, ignored = new IgnoredEntries(), advice = ""): Promise<string[]> {
  const here = new IgnoredEntries(), pictures: string[] = [];
  for (const { name, type } of await entriesOf(directory)) {
    if (isPicture(name)) pictures.push(name); // one that cannot be opened is told when its turn comes
    else for (const each of [ignored, here]) each.add("that are no pictures", type === "folder" ? `${name}/` : name);
  }
  if (pictures.length > 0) return pictures;
  const found = here.line();
  throw new UserError(
    `Cannot read images from "${directory}": it holds no picture (${PICTURES})${advice}${
      found === null ? "" : `; ${found}`
    }`,
  );
}

/** The classes of a split, in the order of the labels: those of a network that is trained, else of train/, else its own. */
async function classesOf(
  directory: string,
  split: "train" | "val",
  own: readonly string[],
  known: readonly string[] | null,
): Promise<readonly string[]> {
  const folder = `${directory}/${split}`, reference = `${directory}/train`;
  const classes = known ?? (split === "val" && await isDirectory(reference) ? await foldersIn(reference) : own);
  const unknown = own.find((name) => !classes.includes(name));
  if (unknown === undefined) return classes;
  const place = known === null ? `not in "${reference}"` : "none that the network was trained on";
  throw new UserError(
    `Cannot read images from "${folder}": its class "${unknown}" is ${place}${didYouMean(unknown, classes)}` +
      (known === null ? "" : `; there are ${classes.slice(0, 20).join(", ")}${classes.length > 20 ? ", ..." : ""}`),
  );
}

/**
 * Lists a split. The classes are those that are `known`; else the folders of train/; of val/ where there is no train/.
 * The first `limit` pictures are as many of every class as possible. Throws `UserError` where folders cannot be read,
 * are missing, empty or of no class.
 */
export async function listImageFolder(
  directory: string,
  split: "train" | "val",
  { limit = Infinity, known = null }: { readonly limit?: number; readonly known?: readonly string[] | null } = {},
): Promise<ImageFolder> {
  const folder = `${directory}/${split}`, ignored = new IgnoredEntries();
  const found = await isDirectory(folder), own = found ? await foldersIn(folder, ignored) : [];
  if (own.length === 0) {
    const here = found ? [] : await foldersIn(directory).catch(() => []), names = here.slice(0, 5).join(", ");
    const beside = here.length === 0 ? "" : ` ("${directory}" has ${names}${here.length > 5 ? ", ..." : ""})`;
    const what = found ? "it holds no folders" : `there is no such folder${beside}`;
    throw new UserError(`Cannot read images from "${folder}": ${what}, expected one for each class, with its pictures`);
  }
  const classes = await classesOf(directory, split, own, known), files: (readonly string[])[] = [];
  for (const name of classes) {
    const advice = "; fill the folder of this class, or delete it";
    files.push(own.includes(name) ? await picturesIn(`${folder}/${name}`, ignored, advice) : []);
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
  const line = ignored.line(), note = line === null ? null : `In "${folder}", ${line}`;
  return { directory: folder, classes, names, labels, note };
}
