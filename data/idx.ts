/** The IDX files of MNIST and of those made like it, http://yann.lecun.com/exdb/mnist: what they share. */
import { UserError } from "../core/host/errors.ts";
import { entriesOf, exists, isDirectory } from "../core/host/files.ts";
import type { Dataset } from "./dataset.ts";
import type { DatasetKind, Wanted } from "./datasets/dataset_kind.ts";
import { readUnpacked } from "./packed_file.ts";

const SIDE = 28, IMAGE = SIDE * SIDE, CLASSES = 10;

/** Of each split: how its files are called, and how many examples the original has. */
const SPLITS = { train: { prefix: "train", count: 60_000 }, test: { prefix: "t10k", count: 10_000 } } as const;

/** Two zeros, the type of the elements (8: bytes), and the number of dimensions, which follow as big-endian u32. */
const MAGIC = { "images-idx3-ubyte": 0x803, "labels-idx1-ubyte": 0x801 } as const;

/** The first labels of the data sets that are easily mistaken for one another: their files have the same names and sizes. */
const FIRST_LABELS: Readonly<Record<string, Readonly<Record<Wanted["split"], string>>>> = {
  "MNIST": { train: "504192131435", test: "721041495906" },
  "Fashion-MNIST": { train: "900302725509", test: "921161465745" },
};

/** What else is in the folders of people who look for these files, by names of files and folders. */
const OTHERS: readonly [RegExp, string][] = [
  [/^(fashion[-_]?)?mnist[-_]?(train|test)?\.csv$/i, "its values as text (CSV)"],
  [/^mnist\.npz$/, "Keras' version, an archive of NumPy"],
  [/^mnist\.pkl(\.gz)?$/, "a version as a pickle"],
  [/^(training|test)\.pt$/, "torchvision's processed version, whose folder raw has the files"],
  [/^emnist-/, "EMNIST"],
  [/\.parquet$/, "its version in Parquet, as of Hugging Face"],
  [/^(data_batch_1|cifar-10)/, "CIFAR-10"],
];

/** Most bytes that the header of a packed file may tell of: it is unpacked as far as that, and a small one may hold more. */
const MOST_UNPACKED = 2 ** 30;

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
  const first = labels.data.subarray(0, 12).join(""), { name } = format;
  const other = Object.keys(FIRST_LABELS).find((each) => each !== name && FIRST_LABELS[each]![split] === first);
  if (other !== undefined) {
    throw new UserError(`Cannot read "${labels.path}" as ${name}: it holds the labels of ${other}`);
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
  const path = await findFile(format, directory, `${SPLITS[split].prefix}-${what}`), things = what.split("-")[0]!;
  const fail = (why: string) => new UserError(`Cannot read "${path}": ${why}; download ${format.name} again`);
  const size = 4 * (2 + shape.length), each = shape.reduce((product, size) => product * size, 1);
  /** What a file with this header has. */
  const told = (header: Uint8Array) => {
    const count = checkHeader(header, MAGIC[what], shape, fail), total = size + count * each;
    return { count, total, words: `its header tells of ${count} ${things}, ${total} bytes` };
  };
  const bytes = await readUnpacked(path, size, (header) => {
    const { total, words } = told(header);
    if (total > MOST_UNPACKED) throw fail(`${words}, which is more than 1 GiB`);
    return { most: total, fail: () => fail(`${words}, and there are more in it`) };
  });
  if (bytes.length < size) throw fail(`found ${bytes.length} bytes, which is no IDX file`);
  const { count, total, words } = told(bytes);
  if (count === 0 || bytes.length !== total) throw fail(`${words}, found ${bytes.length}`);
  return { path, count, data: bytes.subarray(size) };
}

/** How many things of `shape` a file has that begins with these bytes; throws where it is of others. */
function checkHeader(
  bytes: Uint8Array,
  expected: number,
  shape: readonly number[],
  fail: (why: string) => UserError,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset), magic = view.getUint32(0);
  const hex = (value: number) => `0x${value.toString(16).padStart(8, "0")}`;
  if (magic !== expected) throw fail(`it starts with ${hex(magic)}, expected ${hex(expected)}`);
  const found = shape.map((_, axis) => view.getUint32(8 + 4 * axis));
  if (found.join() !== shape.join()) throw fail(`its images are ${found.join("x")}, expected ${shape.join("x")}`);
  return view.getUint32(4);
}

/** The path of a file, packed or not; some programs unpack it with a dot in its name, others into a folder of its name. */
async function findFile({ name, folder }: IdxFormat, directory: string, file: string): Promise<string> {
  const names = [file, file.replace("-idx", ".idx")].flatMap((each) => [each, `${each}.gz`]);
  let why = `no "${file}" or "${file}.gz" there or in "${directory}/${folder}"`;
  if (!await exists(directory)) why = "no such folder";
  for (const place of [directory, `${directory}/${folder}`]) {
    if (!await isDirectory(place)) continue;
    const entries = await entriesOf(place); // or it says that they may not be read
    for (const each of names) {
      const found = entries.find((entry) => entry.name === each), path = `${place}/${each}`;
      if (found !== undefined && found.type !== "folder") return path;
      if (found !== undefined && await exists(`${path}/${each}`)) return `${path}/${each}`;
    }
    const other = OTHERS.find(([pattern]) => entries.some((entry) => pattern.test(entry.name)));
    if (other !== undefined) why += `, it holds ${other[1]}`;
  }
  throw new UserError(({ namingData }) =>
    `Cannot find ${name} in "${directory}": ${why}; name the folder that holds it${namingData}`
  );
}
