/** Kinds of data sets: everything that anybody wants to know of one, in a record. */
import type * as z from "zod";
import type { Kind } from "../../core/kinds/kinds.ts";
import type { Archive } from "../archive.ts";
import type { Crops } from "../crop.ts";
import type { Dataset, ImageShape } from "../dataset.ts";
import type { ImageFolder } from "../image_folder.ts";

/** The part of a data set: what is trained on, or what is tested on. */
export type Split = "train" | "test";

/** Which examples of a data set are wanted. */
export interface Wanted {
  /** The folder of its files; "" where it has none. */
  readonly directory: string;
  readonly split: Split;
  /** At most so many, the first ones. */
  readonly limit: number;
}

/** A kind of data set. Adding one is a file with such a record, and its place in the list of datasets/mod.ts. */
export interface DatasetKind<Key extends string = string, Options = unknown> extends Kind {
  readonly key: Key;
  /** A few words for the schema of configs. */
  readonly about: string;
  /** A `z.strictObject` of the keys of `dataset:` that are its own. */
  readonly schema: z.ZodType<Options>;
  /** Its name at huggingface.co, where it is there. */
  readonly hub?: string;
  /** What the folder of its files holds, for messages; null where it is generated. */
  readonly files: string | null;
  /** Where its files can be had. */
  readonly archive?: Archive;
  /** The names of the classes, in the order of the labels; none where its files decide. */
  classes(options: Options): readonly string[];
  shape(options: Options): ImageShape;
  /** How many examples there are; Infinity where only its files tell. */
  count(split: Split): number;
  /** Reads examples into memory: values 0 ... 255. Throws `UserError` where the files are missing or damaged. */
  read?(wanted: Wanted, options: Options): Promise<Dataset>;
  /** Of picture files of any size, which are read while it trains, instead of `read`. */
  readonly pictures?: Pictures<Options>;
}

/** Picture files, of which crops are seen. */
export interface Pictures<Options> {
  crops(options: Options): Crops;
  /** Lists them; `known` are the classes of a network that was trained on others. Throws `UserError`. */
  list(wanted: Wanted, known: readonly string[] | null): Promise<ImageFolder>;
}
