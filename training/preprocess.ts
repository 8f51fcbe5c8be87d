/** From a config's dataset to preprocessed examples; statistics are fitted once, cached on disk, and kept with a run. */
import type { Context } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import { decodeTensors, encodeTensors, sha256 } from "../core/host/safetensors.ts";
import { cacheDirectory, exists, readFile, writeFile } from "../core/host/files.ts";
import type { DatasetConfig } from "../configs/schema.ts";
import { checkImages } from "../data/check_dataset.ts";
import { CIFAR100, readCifar100 } from "../data/cifar100.ts";
import { CIFAR10, readCifar10 } from "../data/cifar10.ts";
import type { Dataset } from "../data/dataset.ts";
import { globalContrastNormalize } from "../data/gcn.ts";
import { generateShapes } from "../data/generated.ts";
import { fitWhitening, type Whitening } from "../data/whitening.ts";
import { whiten } from "../data/whitening_apply.ts";
import { elements } from "../core/graph/tensor.ts";
import { placed } from "./canvas.ts";
import { IMAGE_SHAPE } from "./datasets.ts";
import type { Model } from "./model.ts";

/** The generated data set is the same for every run: its seed and sizes are part of its definition. */
export const SHAPES = { seed: 1, train: 6000, test: 1000 };

/** Called with what is being done and the share of it that is done, 0 to 1. */
export type Report = (message: string, done: number) => void;
const silent: Report = () => {};

/** Where examples come from, and how they are preprocessed. */
export interface Source {
  readonly config: DatasetConfig;
  /** The folder of the data files, if the data set has any. */
  readonly directory: string | null;
}

/**
 * Raw images of a split, values 0 ... 255; all of them unless `limit` says fewer. Where the config holds training
 * images out, they are the test split.
 */
export async function loadExamples(source: Source, split: "train" | "test", limit = Infinity): Promise<Dataset> {
  const { holdOut } = source.config;
  if (holdOut === undefined) return await readExamples(source, split, limit);
  const all = await readExamples(source, "train", Infinity), kept = all.count - holdOut;
  if (kept < 1) {
    throw new UserError(
      `Cannot hold out ${holdOut} training examples: there are ${all.count} of them, set dataset.holdOut to fewer`,
    );
  }
  return split === "train" ? part(all, 0, Math.min(kept, limit)) : part(all, kept, Math.min(holdOut, limit));
}

/** The `count` examples from `first` on; the images are a view. */
function part({ images, labels, shape }: Dataset, first: number, count: number): Dataset {
  const size = shape[0] * shape[1] * shape[2], end = first + count;
  return { images: images.subarray(first * size, end * size), labels: labels.slice(first, end), count, shape };
}

async function readExamples({ config, directory }: Source, split: "train" | "test", limit: number): Promise<Dataset> {
  if (config.name === "imageFolder") {
    throw new UserError("Cannot load an imageFolder into memory: its pictures are read while it trains");
  }
  if (config.name === "shapes") return generateShapes(SHAPES.seed, split, Math.min(SHAPES[split], limit));
  const { name, folder } = config.name === "cifar10" ? CIFAR10 : CIFAR100;
  if (directory === null) {
    throw new UserError(`Cannot read ${name}: no folder was given, name the one of its files, "${folder}"`);
  }
  if (config.name === "cifar10") return await readCifar10(directory, split, limit);
  return await readCifar100(directory, split, config.labels, limit);
}

/** The steps before whitening, in place. Without any step, values 0 ... 255 are scaled to -1 ... 1. */
function normalize(images: Float32Array, size: number, { preprocess }: DatasetConfig): void {
  for (const step of preprocess) {
    if ("gcn" in step) globalContrastNormalize(images, size, step.gcn.scale);
    if ("channelMeans" in step) images.forEach((value, i) => images[i] = value - step.channelMeans[i % 3]!);
    if ("scale" in step) images.forEach((value, i) => images[i] = (value - step.scale.subtract) / step.scale.divide);
  }
  if (preprocess.length === 0) images.forEach((value, i) => images[i] = value / 127.5 - 1);
}

/** Do the images of a data set go through ZCA whitening? */
export function whitens({ preprocess }: DatasetConfig): boolean {
  return preprocess.some((step) => "zca" in step);
}

function epsilonOf({ preprocess }: DatasetConfig): number | null {
  const step = preprocess.find((step) => "zca" in step);
  return step === undefined ? null : step.zca.epsilon;
}

export async function encodeWhitening({ mean, matrix }: Whitening): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = {
    mean: { shape: [mean.length], data: mean },
    matrix: { shape: [mean.length, mean.length], data: matrix },
  };
  return await encodeTensors({ metadata: {}, tensors });
}

/** Throws `UserError`, naming `source`, where the bytes are no whitening of images of IMAGE_SHAPE. */
export async function decodeWhitening(bytes: Uint8Array<ArrayBuffer>, source: string): Promise<Whitening> {
  const { mean, matrix } = (await decodeTensors(bytes, source)).tensors, size = elements(IMAGE_SHAPE);
  if (mean?.data.length !== size || matrix?.data.length !== size ** 2) {
    throw new UserError(`Cannot use "${source}" as whitening: it has no mean [${size}] and matrix [${size}, ${size}]`);
  }
  return { mean: Float32Array.from(mean.data), matrix: Float32Array.from(matrix.data) };
}

/**
 * The whitening that a config asks for, fitted on all training images, or null if it asks for none. Cached on disk
 * under a hash of images and parameters. Throws `UserError` where the files of the data set cannot be read.
 *
 * @example
 * ```ts
 * const { dataset } = await loadConfig("quickstart");
 * console.log(await whiteningFor(device, { config: dataset, directory: null })); // null
 * ```
 */
export async function whiteningFor(
  context: Context,
  source: Source,
  report: Report = silent,
): Promise<Whitening | null> {
  const epsilon = epsilonOf(source.config);
  if (epsilon === null) return null;
  report("Reading the training images", 0);
  const { images, shape } = await loadExamples(source, "train");
  const steps = new TextEncoder().encode(JSON.stringify(source.config.preprocess));
  const bytes = new Uint8Array(images.buffer as ArrayBuffer, images.byteOffset, images.byteLength);
  const digest = await sha256(new TextEncoder().encode(`${await sha256(steps)} ${await sha256(bytes)}`));
  const path = `${cacheDirectory()}/whitening/${digest}.safetensors`;
  if (await exists(path)) {
    try {
      return await decodeWhitening(await readFile(path), path);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      report(`${error.message}: fitting it again`, 0);
    }
  }
  const size = shape[0] * shape[1] * shape[2];
  normalize(images, size, source.config);
  const whitening = await fitWhitening(context, images, size, epsilon, (done) => report("Fitting ZCA whitening", done));
  try {
    await writeFile(path, await encodeWhitening(whitening));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report(`${error.message}: the whitening is not cached`, 1);
  }
  return whitening;
}

/**
 * A split of a data set, preprocessed as its config says; `whitening` is what `whiteningFor` or a run's file gave. Throws
 * `UserError` where the files of the data set cannot be read.
 *
 * @example
 * ```ts
 * const { dataset } = await loadConfig("quickstart", ["dataset.testExamples=20"]);
 * const source = { config: dataset, directory: null }; // the folder of the files, for a data set that has some
 * const test = await prepare(device, source, "test", await whiteningFor(device, source));
 * console.log(test.count, test.shape); // 20 [ 32, 32, 3 ]
 * ```
 */
export async function prepare(
  context: Context,
  source: Source,
  split: "train" | "test",
  whitening: Whitening | null,
  report: Report = silent,
): Promise<Dataset> {
  const { config } = source;
  const examples = await loadExamples(source, split, split === "train" ? config.trainExamples : config.testExamples);
  const { shape } = examples, size = shape[0] * shape[1] * shape[2];
  const images = examples.images as Float32Array<ArrayBuffer>;
  normalize(images, size, config);
  if (whitening !== null) {
    await whiten(context, images, whitening, (done) => report(`Whitening the ${split} images`, done));
  }
  return { ...examples, images };
}

/**
 * Images as the model's config preprocesses them: `images` [count, height, width, channels], values 0 ... 255, stay as
 * they are, the result is new, on its canvas if there is one. Without steps in the config, -1 ... 1. Throws `UserError`
 * where the model has no config, or no whitening though its config asks for one.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"));
 * const image = new Float32Array(32 * 32 * 3).fill(255); // white
 * console.log((await preprocess(model, image))[0]); // 1
 * ```
 */
export async function preprocess(
  { context, config, whitening, images: shape, canvas, network }: Model,
  images: Float32Array,
): Promise<Float32Array<ArrayBuffer>> {
  if (config === null) {
    throw new UserError(`Cannot preprocess images for "${network.name}": it has no config that says how`);
  }
  if (whitening === null && whitens(config.dataset)) {
    throw new UserError(
      `Cannot preprocess images for "${network.name}": its whitening is missing; load the folder of its run, or pass ` +
        "what whiteningFor returns",
    );
  }
  checkImages(images, shape, "these images");
  const result = Float32Array.from(images);
  normalize(result, shape[0] * shape[1] * shape[2], config.dataset);
  if (whitening !== null && result.length > 0) await whiten(context, result, whitening);
  return canvas === null ? result : placed(result, shape, canvas);
}
