/** All data sets. To add one, write its file and name it in the list. */
import { UserError } from "../../core/host/errors.ts";
import { type KindList, kindList } from "../../core/kinds/kinds.ts";
import type { Crops } from "../crop.ts";
import type { Dataset, ImageShape } from "../dataset.ts";
import type { ImageFolder } from "../image_folder.ts";
import { cifar10 } from "./cifar10.ts";
import { cifar100 } from "./cifar100.ts";
import type { DatasetKind, Split } from "./dataset_kind.ts";
import { fashionMnist } from "./fashion_mnist.ts";
import { imageFolder } from "./image_folder.ts";
import { mnist } from "./mnist.ts";
import { shapes } from "./shapes.ts";

/** The data sets that a config can name. */
export type DatasetName = "cifar10" | "cifar100" | "mnist" | "fashionMnist" | "shapes" | "imageFolder";

/** The name of a data set, and the options that are its own; those of another are refused. */
export interface DatasetChoice {
  /** Which data set. */
  readonly name: DatasetName;
  /** Of `cifar100`: the 100 classes, which is the default, or the 20 superclasses of five each. */
  readonly labels?: "fine" | "coarse" | undefined;
  /** Of `imageFolder`: how pictures become images of one size. */
  readonly imageFolder?: Crops | undefined;
}

const KINDS: readonly DatasetKind<DatasetName, Omit<DatasetChoice, "name">>[] = [
  cifar10,
  cifar100,
  mnist,
  fashionMnist,
  shapes,
  imageFolder,
];

export const datasetKinds: KindList<DatasetKind> = kindList<DatasetKind>("data set", KINDS, {
  about: "string",
  schema: "object",
  classes: "function",
  shape: "function",
  count: "function",
});

/**
 * The names of the classes of a data set, in the order of the labels, none where its files decide.
 *
 * @example
 * ```ts
 * console.log(classNames({ name: "cifar10" })[3]); // cat
 * ```
 */
export function classNames(dataset: DatasetChoice): readonly string[] {
  return datasetKinds.get(dataset.name).classes(dataset);
}

/** The shape [height, width, channels] of the images as they are stored. */
export function imageShape(dataset: DatasetChoice): ImageShape {
  return datasetKinds.get(dataset.name).shape(dataset);
}

/** The shape [height, width, channels] of what the network sees. */
export function inputShape(
  dataset: DatasetChoice & { readonly canvas?: { readonly size: number } | undefined },
): ImageShape {
  const { canvas } = dataset, shape = imageShape(dataset);
  return canvas === undefined ? shape : [canvas.size, canvas.size, shape[2]];
}

/** Which crops of its picture files are seen; null for a data set of images of one size. */
export function cropsOf(dataset: DatasetChoice): Crops | null {
  return datasetKinds.get(dataset.name).pictures?.crops(dataset) ?? null;
}

/** A folder is needed, and may not be named. */
function folderOf({ key, files }: DatasetKind, directory: string | null): string {
  if (files === null) return "";
  if (directory !== null) return directory;
  throw new UserError(
    ({ namingData }) => `Cannot read ${key}: no folder was given; name the one that holds ${files}${namingData}`,
  );
}

/** Where examples are, and at most how many of them are wanted. */
interface Place {
  readonly directory: string | null;
  readonly split: Split;
  readonly limit?: number | undefined;
}

/** Raw images of a split, values 0 ... 255. Throws `UserError` where they cannot be read. */
export async function readImages(dataset: DatasetChoice, place: Place): Promise<Dataset> {
  const kind = datasetKinds.get(dataset.name), { directory, split, limit = Infinity } = place;
  if (kind.read === undefined) {
    throw new UserError(`Cannot load an ${kind.key} into memory: its pictures are read while it trains`);
  }
  return await kind.read({ directory: folderOf(kind, directory), split, limit }, dataset);
}

/** The picture files of a split. Throws `UserError` where they cannot be listed. */
export async function listPictures(
  dataset: DatasetChoice,
  place: Place,
  known: readonly string[] | null,
): Promise<ImageFolder> {
  const kind = datasetKinds.get(dataset.name), { directory, split, limit = Infinity } = place;
  if (kind.pictures === undefined) throw new Error(`${kind.key} has no picture files`);
  const named = kind.classes(dataset), classes = known ?? (named.length > 0 ? named : null);
  return await kind.pictures.list({ directory: folderOf(kind, directory), split, limit }, classes);
}
