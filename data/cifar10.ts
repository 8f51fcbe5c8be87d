import { UserError } from "../core/errors.ts";
import { exists, readFile } from "../core/storage.ts";
import type { Dataset } from "./dataset.ts";

// The binary version of https://www.cs.toronto.edu/~kriz/cifar.html: a file is 10 000 records, a record is one label
// byte and then 32x32 red, 32x32 green and 32x32 blue bytes, row by row.
const SIDE = 32;
const PLANE = SIDE * SIDE;
const IMAGE = 3 * PLANE;
const RECORD_BYTES = 1 + IMAGE;
const RECORDS_PER_FILE = 10_000;
const FILE_BYTES = RECORDS_PER_FILE * RECORD_BYTES;
const FOLDER = "cifar-10-batches-bin"; // its name inside cifar-10-binary.tar.gz
const FILES = {
  train: ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
  test: ["test_batch.bin"],
} as const;

/** The class names in the order of the labels. */
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
  if (limit !== Infinity && !(Number.isInteger(limit) && limit > 0)) {
    throw new UserError(`Cannot read ${limit} examples of CIFAR-10: the limit must be an integer >= 1`);
  }
  const folder = await findFolder(directory);
  const files = FILES[split];
  const count = Math.min(limit, files.length * RECORDS_PER_FILE);
  const images = new Float32Array(count * IMAGE);
  const labels = new Uint32Array(count);
  for (let first = 0; first < count; first += RECORDS_PER_FILE) {
    const path = `${folder}/${files[first / RECORDS_PER_FILE]}`;
    const end = Math.min(first + RECORDS_PER_FILE, count);
    decode(path, await readBatch(path), images.subarray(first * IMAGE, end * IMAGE), labels.subarray(first, end));
  }
  return { images, labels, count, shape: [SIDE, SIDE, 3] };
}

/** The folder that holds at least one of the six files: which one of them is missing is `readBatch`'s to tell. */
async function findFolder(directory: string): Promise<string> {
  const folders = [directory, `${directory}/${FOLDER}`];
  for (const folder of folders) {
    for (const file of [...FILES.train, ...FILES.test]) {
      if (await exists(`${folder}/${file}`)) return folder;
    }
  }
  const found = await exists(directory) ? `no .bin file of it there or in "${folders[1]}"` : "no such folder";
  throw new UserError(
    `Cannot find CIFAR-10 in "${directory}": ${found}; let --data DIR or ALLCNN_DATA name the folder with ` +
      `data_batch_1.bin ... test_batch.bin ("${FOLDER}")`,
  );
}

async function readBatch(path: string): Promise<Uint8Array> {
  if (!await exists(path)) {
    throw new UserError(`Cannot find "${path}": the other CIFAR-10 files are there, so unpack the archive again`);
  }
  const bytes = await readFile(path);
  if (bytes.length !== FILE_BYTES) {
    const cause = bytes.length < FILE_BYTES ? "truncated" : "too long or not CIFAR-10";
    throw new UserError(
      `Cannot read "${path}": found ${bytes.length} bytes, expected ${FILE_BYTES}, it is ${cause}; ` +
        `download and unpack the binary version again`,
    );
  }
  return bytes;
}

/** Decodes the first `labels.length` records: three planes become interleaved channels. */
function decode(path: string, bytes: Uint8Array, images: Float32Array, labels: Uint32Array): void {
  for (let record = 0; record < labels.length; record++) {
    const start = record * RECORD_BYTES;
    const label = bytes[start]!;
    if (label >= CIFAR10_CLASSES.length) {
      throw new UserError(
        `Cannot read "${path}": record ${record} has label ${label}, expected 0..${CIFAR10_CLASSES.length - 1}; ` +
          `download and unpack the binary version again`,
      );
    }
    labels[record] = label;
    for (let pixel = 0; pixel < PLANE; pixel++) {
      const from = start + 1 + pixel;
      const to = record * IMAGE + 3 * pixel;
      images[to] = bytes[from]!;
      images[to + 1] = bytes[from + PLANE]!;
      images[to + 2] = bytes[from + 2 * PLANE]!;
    }
  }
}
