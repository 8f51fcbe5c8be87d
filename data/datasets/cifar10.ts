import * as z from "zod";
import { type CifarFormat, cifarKind, readCifar } from "../cifar.ts";
import type { Dataset } from "../dataset.ts";
import type { DatasetKind } from "./dataset_kind.ts";

/** Six files of 10 000 records, one label byte each. */
const CIFAR10: CifarFormat = {
  name: "CIFAR-10",
  folder: "cifar-10-batches-bin",
  files: {
    train: ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
    test: ["test_batch.bin"],
  },
  recordsPerFile: { train: 10_000, test: 10_000 },
  labelBytes: 1,
};

/** The class names in the order of the labels, as batches.meta.txt lists them. */
export const CIFAR10_CLASSES = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
] as const;

/**
 * Reads CIFAR-10 from the files of its binary version.
 *
 * @param directory the folder with `data_batch_1.bin` ... `test_batch.bin`, or the one around `cifar-10-batches-bin`
 * @param split `train`: 50 000 examples; `test`: 10 000
 * @param limit at most this many examples, the first ones; files beyond them are not read
 * @returns images `[count, 32, 32, 3]`, values 0..255, and labels 0..9, in the order of the files
 * @throws {UserError} a folder or file is missing, a file's size is wrong, a label is above 9, or `limit` is not a
 * positive integer
 */
export async function readCifar10(directory: string, split: "train" | "test", limit = Infinity): Promise<Dataset> {
  return await readCifar(CIFAR10, { byte: 0, classes: CIFAR10_CLASSES.length }, directory, split, limit);
}

export const cifar10: DatasetKind<"cifar10", object> = {
  key: "cifar10",
  hub: "uoft-cs/cifar10",
  about: "60 000 photos of 32x32 pixels, ten classes",
  schema: z.strictObject({}),
  classes: () => CIFAR10_CLASSES,
  read: ({ directory, split, limit }) => readCifar10(directory, split, limit),
  ...cifarKind(CIFAR10, {
    file: "cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    texts: ["batches.meta.txt"],
  }),
};
