/** The IDX files of MNIST and of those made like it, http://yann.lecun.com/exdb/mnist: what they share. */
import { UserError } from "../core/host/errors.ts";
import { exists, readStoredFile } from "../core/host/files.ts";
import type { Dataset } from "./dataset.ts";
import type { DatasetKind, Wanted } from "./datasets/dataset_kind.ts";

const SIDE = 28, IMAGE = SIDE * SIDE, CLASSES = 10;

/** Of each split: how its files are called, and how many examples the original has. */
const SPLITS = { train: { prefix: "train", count: 60_000 }, test: { prefix: "t10k", count: 10_000 } } as const;

/** Two zeros, the type of the elements (8: bytes), and the number of dimensions, which follow as big-endian u32. */
const MAGIC = { "images-idx3-ubyte": 0x803, "labels-idx1-ubyte": 0x801 } as const;

/** A data set of such files. */
export interface IdxFormat {
  /** For messages. */
  readonly name: string;
  /** Where in a folder torchvision puts the files. */
  readonly folder: string;
}

/** What the records of all such data sets share. */
export function idxKind(format: IdxFormat): Pick<DatasetKind, "files" | "shape" | "count" | "read"> {
  return {
    files: "train-images-idx3-ubyte ... t10k-labels-idx1-ubyte, as they are or .gz",
    shape: () => [SIDE, SIDE, 1],
    count: (split) => SPLITS[split].count,
    read: (wanted) => readIdx(format, wanted),
  };
}

/**
 * Reads a split: images `[count, 28, 28, 1]`, values 0..255, and labels 0..9. Throws `UserError` where a file is missing
 * or is no such file, and where there are not as many labels as images.
 */
export async function readIdx(format: IdxFormat, { directory, split, limit }: Wanted): Promise<Dataset> {
  if (limit !== Infinity && !(Number.isInteger(limit) && limit > 0)) {
    throw new UserError(`Cannot read ${limit} examples of ${format.name}: the limit must be an integer >= 1`);
  }
  const images = await readArray(format, directory, split, "images-idx3-ubyte", [SIDE, SIDE]);
  const labels = await readArray(format, directory, split, "labels-idx1-ubyte", []);
  if (images.count !== labels.count) {
    throw new UserError(
      `Cannot read "${labels.path}": it has ${labels.count} labels, "${images.path}" ${images.count} images`,
    );
  }
  const wrong = labels.data.findIndex((label) => label >= CLASSES);
  if (wrong >= 0) {
    throw new UserError(`Cannot read "${labels.path}": label ${wrong} is ${labels.data[wrong]}, expected 0..9`);
  }
  const count = Math.min(limit, images.count);
  return {
    images: Float32Array.from(images.data.subarray(0, count * IMAGE)),
    labels: Uint32Array.from(labels.data.subarray(0, count)),
    count,
    shape: [SIDE, SIDE, 1],
  };
}

/** The array of a file, whose shape behind the count must be `shape`. */
async function readArray(
  format: IdxFormat,
  directory: string,
  split: Wanted["split"],
  what: keyof typeof MAGIC,
  shape: readonly number[],
): Promise<{ readonly path: string; readonly count: number; readonly data: Uint8Array }> {
  const path = await findFile(format, directory, `${SPLITS[split].prefix}-${what}`), bytes = await readPlain(path);
  const fail = (why: string) => new UserError(`Cannot read "${path}": ${why}; download ${format.name} again`);
  const header = 4 * (2 + shape.length);
  if (bytes.length < header) throw fail(`found ${bytes.length} bytes, which is no IDX file`);
  const view = new DataView(bytes.buffer, bytes.byteOffset), magic = view.getUint32(0), count = view.getUint32(4);
  const hex = (value: number) => `0x${value.toString(16).padStart(8, "0")}`;
  if (magic !== MAGIC[what]) throw fail(`it starts with ${hex(magic)}, expected ${hex(MAGIC[what])}`);
  const found = shape.map((_, axis) => view.getUint32(8 + 4 * axis));
  if (found.join() !== shape.join()) throw fail(`its images are ${found.join("x")}, expected ${shape.join("x")}`);
  const expected = header + count * shape.reduce((product, size) => product * size, 1);
  if (count === 0 || bytes.length !== expected) {
    throw fail(`its header tells of ${count} ${what.split("-")[0]}, ${expected} bytes, found ${bytes.length}`);
  }
  return { path, count, data: bytes.subarray(header) };
}

/** The path of a file, packed or not. */
async function findFile({ name, folder }: IdxFormat, directory: string, file: string): Promise<string> {
  for (const place of [directory, `${directory}/${folder}`]) {
    for (const path of [`${place}/${file}`, `${place}/${file}.gz`]) if (await exists(path)) return path;
  }
  throw new UserError(
    ({ namingData }) =>
      `Cannot find "${file}" or "${file}.gz" of ${name} in "${directory}" or "${directory}/${folder}": name the folder ` +
      `that holds it${namingData}`,
  );
}

/** The bytes of a file, unpacked where it is packed. */
async function readPlain(path: string): Promise<Uint8Array> {
  const bytes = await readStoredFile(path);
  if (!path.endsWith(".gz")) return bytes;
  try {
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch {
    throw new UserError(`Cannot unpack "${path}": it is no gzip file, or a part of one; download it again`);
  }
}
