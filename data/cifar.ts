/** The binary versions of CIFAR-10 and CIFAR-100, https://www.cs.toronto.edu/~kriz/cifar.html: what both share. */
import { UserError } from "../core/host/errors.ts";
import { entriesOf, exists, isDirectory, readStoredFile } from "../core/host/files.ts";
import { foreignFormat } from "../core/host/foreign_formats.ts";
import type { Archive } from "./archive.ts";
import type { Dataset } from "./dataset.ts";
import type { DatasetKind } from "./datasets/dataset_kind.ts";

const SERVER = "https://www.cs.toronto.edu/~kriz/";
const SIDE = 32;
const PLANE = SIDE * SIDE;
const IMAGE = 3 * PLANE;

/** A file is a row of records; a record is label bytes, then 32x32 red, green and blue bytes each, row by row. */
export interface CifarFormat {
  /** For messages. */
  readonly name: string;
  /** The name of the folder inside the official archive. */
  readonly folder: string;
  readonly files: { readonly train: readonly string[]; readonly test: readonly string[] };
  /** Records in each file of a split. */
  readonly recordsPerFile: { readonly train: number; readonly test: number };
  /** Label bytes at the start of each record. */
  readonly labelBytes: number;
}

/** Which of the label bytes to read, and how many classes it names. */
export interface CifarLabel {
  readonly byte: number;
  readonly classes: number;
}

/** The bytes of a record. */
const recordBytes = ({ labelBytes }: CifarFormat) => labelBytes + IMAGE;

/** What the records of both data sets share. */
export function cifarKind(
  format: CifarFormat,
  archive: Pick<Archive, "file" | "bytes" | "sha256" | "texts">,
): Pick<DatasetKind, "files" | "archive" | "shape" | "count"> {
  const { name, folder, files, recordsPerFile } = format, all = [...files.train, ...files.test];
  const sizes = (["train", "test"] as const).flatMap((split) =>
    files[split].map((file) => [file, cifarFileBytes(format, split)] as const)
  );
  return {
    files: `${all[0]} ... ${all.at(-1)} ("${folder}")`,
    archive: { name, folder, files: Object.fromEntries(sizes), server: SERVER, ...archive },
    shape: () => [SIDE, SIDE, 3],
    count: (split) => files[split].length * recordsPerFile[split],
  };
}

/** The bytes of each file of a split. */
function cifarFileBytes(format: CifarFormat, split: "train" | "test"): number {
  return format.recordsPerFile[split] * recordBytes(format);
}

/**
 * Reads a split: images `[count, 32, 32, 3]`, values 0..255, and labels, in the order of the files.
 *
 * @param directory the folder with the files, or the one around `format.folder`
 * @param limit at most this many examples, the first ones; files beyond them are not read
 * @throws {UserError} a folder or file is missing, a file's size is wrong, a label is too large, or `limit` is not a
 * positive integer
 */
export async function readCifar(
  format: CifarFormat,
  label: CifarLabel,
  directory: string,
  split: "train" | "test",
  limit: number,
): Promise<Dataset> {
  if (limit !== Infinity && !(Number.isInteger(limit) && limit > 0)) {
    throw new UserError(`Cannot read ${limit} examples of ${format.name}: the limit must be an integer >= 1`);
  }
  const folder = await findFolder(format, directory);
  const files = format.files[split], perFile = format.recordsPerFile[split];
  const count = Math.min(limit, files.length * perFile);
  const images = new Float32Array(count * IMAGE);
  const labels = new Uint32Array(count);
  for (let first = 0; first < count; first += perFile) {
    const path = `${folder}/${files[first / perFile]}`;
    const bytes = await readRecords(format, path, cifarFileBytes(format, split));
    const end = Math.min(first + perFile, count);
    const records = { path, bytes, stride: recordBytes(format), labelBytes: format.labelBytes };
    decode(records, label, images.subarray(first * IMAGE, end * IMAGE), labels.subarray(first, end));
  }
  return { images, labels, count, shape: [SIDE, SIDE, 3] };
}

/** What else is in the folders of people who look for one of these data sets, by names of files and folders. */
const OTHERS: readonly [RegExp, string][] = [
  [/^(data_batch_1|cifar-10-batches-py|cifar-10-python.*)$/, "CIFAR-10's Python version"],
  [/^(data_batch_1\.mat|cifar-10-batches-mat|cifar-10-matlab.*)$/, "CIFAR-10's Matlab version"],
  [/^(file\.txt~|meta|cifar-100-python.*)$/, "CIFAR-100's Python version"],
  [/^(train\.mat|cifar-100-matlab.*)$/, "CIFAR-100's Matlab version"],
  [/^(data_batch_1\.bin|cifar-10-batches-bin)$/, "CIFAR-10"],
  [/^(train\.bin|cifar-100-binary)$/, "CIFAR-100"],
  [/^cifar-100?-binary\.tar(\.gz)?$/, "the archive, not unpacked"],
];

/** The folder that holds at least one of the files: which one of them is missing is `readRecords`'s to tell. */
async function findFolder({ name, folder: inner, files }: CifarFormat, directory: string): Promise<string> {
  const all = [...files.train, ...files.test], folders = [directory, `${directory}/${inner}`];
  let found = `no .bin file of it there or in "${folders[1]}"`;
  if (!await exists(directory)) found = "no such folder";
  for (const folder of folders) {
    if (!await isDirectory(folder)) continue;
    const names = (await entriesOf(folder)).map((entry) => entry.name); // or it says that they may not be read
    if (names.some((each) => all.includes(each))) return folder;
    const other = OTHERS.find(([pattern, version]) => version !== name && names.some((each) => pattern.test(each)));
    if (other !== undefined) found = `it holds ${other[1]}`;
  }
  throw new UserError(
    ({ namingData }) =>
      `Cannot find ${name} in "${directory}": ${found}; name the folder${namingData} that holds ${all[0]} ... ` +
      `${all.at(-1)} of the binary version ("${inner}"), or name none, and the files are downloaded`,
  );
}

async function readRecords(format: CifarFormat, path: string, size: number): Promise<Uint8Array> {
  const { name } = format;
  if (!await exists(path)) {
    throw new UserError(`Cannot find "${path}": other ${name} files are there, so unpack the archive again`);
  }
  const bytes = await readStoredFile(path);
  if (bytes.length === size) return bytes;
  throw new UserError(
    `Cannot read "${path}": found ${bytes.length} bytes, expected ${size}, it is ${causeOf(format, bytes, size)}; ` +
      `download and unpack the binary version again`,
  );
}

/** Why a file has another size than it should. */
function causeOf(format: CifarFormat, bytes: Uint8Array, size: number): string {
  if (bytes[0] === 0x80 && bytes[1]! <= 5) return "a pickle, as of the Python version";
  const foreign = foreignFormat(bytes);
  if (foreign !== null) return foreign;
  if (new TextDecoder().decode(bytes.subarray(0, 6)) === "MATLAB") return "of the Matlab version";
  const labels = [1, 2].find((each) => each !== format.labelBytes && bytes.length % (each + IMAGE) === 0);
  if (labels !== undefined && bytes.length > 0) {
    return `of records of ${labels + IMAGE} bytes, those of ${labels === 1 ? "CIFAR-10" : "CIFAR-100"}`;
  }
  return bytes.length < size ? "truncated" : `too long or not ${format.name}`;
}

/** The bytes of a file: `stride` bytes a record, of which the first `labelBytes` are labels. */
interface Records {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly stride: number;
  readonly labelBytes: number;
}

/** Decodes the first `labels.length` records: three planes become interleaved channels. */
function decode(
  { path, bytes, stride, labelBytes }: Records,
  { byte, classes }: CifarLabel,
  images: Float32Array,
  labels: Uint32Array,
): void {
  for (let record = 0; record < labels.length; record++) {
    const start = record * stride, label = bytes[start + byte]!;
    if (label >= classes) {
      throw new UserError(
        `Cannot read "${path}": record ${record} has label ${label}, expected 0..${classes - 1}; ` +
          `download and unpack the binary version again`,
      );
    }
    labels[record] = label;
    for (let pixel = 0; pixel < PLANE; pixel++) {
      const from = start + labelBytes + pixel;
      const to = record * IMAGE + 3 * pixel;
      images[to] = bytes[from]!;
      images[to + 1] = bytes[from + PLANE]!;
      images[to + 2] = bytes[from + 2 * PLANE]!;
    }
  }
}
