/** From a config's dataset to preprocessed examples; what is fitted is fitted once, cached on disk, and kept with a run. */
import type { Context } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import { sha256 } from "../core/host/safetensors.ts";
import { cacheDirectory, exists, readFile, writeFile } from "../core/host/files.ts";
import { elements } from "../core/graph/tensor.ts";
import { placed } from "../data/canvas.ts";
import { checkImages } from "../data/check_dataset.ts";
import type { Dataset } from "../data/dataset.ts";
import type { DatasetConfig } from "../data/dataset_config.ts";
import type { Split } from "../data/datasets/dataset_kind.ts";
import { listPictures, readImages } from "../data/datasets/mod.ts";
import type { ImageFolder } from "../data/image_folder.ts";
import { applyTransforms, fitTransforms, isFitted, undoTransforms } from "../data/transforms/mod.ts";
import type { Whitening } from "../data/whitening.ts";
import { decodeWhitening, encodeWhitening } from "../data/whitening_file.ts";
import type { Model } from "./model.ts";

/** Called with what is being done and the share of it that is done, 0 to 1. */
export type Report = (message: string, done: number) => void;
const silent: Report = () => {};

/** Where examples come from, and how they are preprocessed. */
export interface Source {
  /** What `dataset:` of a config says. */
  readonly config: DatasetConfig;
  /** The folder of the data files, if the data set has any. */
  readonly directory: string | null;
  /** The names of the classes that a network was trained on, where only files tell those of a data set. */
  readonly classes?: readonly string[] | null;
  /** Raw images that stand in for the test split, where its files are not at hand. */
  readonly samples?: Dataset;
}

/** How many examples of a split the config asks for. */
const limitOf = ({ config }: Source, split: Split) => split === "train" ? config.trainExamples : config.testExamples;

/**
 * Raw images of a split, values 0 ... 255; all of them unless `limit` says fewer. Where the config holds training
 * images out, they are the test split.
 */
export async function loadExamples(source: Source, split: Split, limit = Infinity): Promise<Dataset> {
  const { config, directory, samples } = source, { holdOut } = config;
  if (split === "test" && samples !== undefined) { // a copy: what is read is preprocessed in place
    return part({ ...samples, images: samples.images.slice() }, 0, Math.min(samples.count, limit));
  }
  if (holdOut === undefined) return await readImages(config, { directory, split, limit });
  const all = await readImages(config, { directory, split: "train" }), kept = all.count - holdOut;
  if (kept < 1) {
    throw new UserError(
      `Cannot hold out ${holdOut} training examples: there are ${all.count} of them, set dataset.holdOut to fewer`,
    );
  }
  return split === "train" ? part(all, 0, Math.min(kept, limit)) : part(all, kept, Math.min(holdOut, limit));
}

/** As `loadExamples`, as many as the config says. */
export async function loadSplit(source: Source, split: Split): Promise<Dataset> {
  return await loadExamples(source, split, limitOf(source, split));
}

/** The picture files of a split, as many as the config says. Throws `UserError` where they cannot be listed. */
export async function listSplit(source: Source, split: Split): Promise<ImageFolder> {
  const { config, directory, classes = null } = source;
  return await listPictures(config, { directory, split, limit: limitOf(source, split) }, classes);
}

/** The `count` examples from `first` on; the images are a view. */
function part({ images, labels, shape }: Dataset, first: number, count: number): Dataset {
  const size = elements(shape), end = first + count;
  return { images: images.subarray(first * size, end * size), labels: labels.slice(first, end), count, shape };
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
  if (!isFitted(source.config)) return null;
  report("Reading the training images", 0);
  const { images, shape } = await loadExamples(source, "train") as Dataset & { images: Float32Array<ArrayBuffer> };
  const transforms = new TextEncoder().encode(JSON.stringify(source.config.preprocess));
  const bytes = new Uint8Array(images.buffer, images.byteOffset, images.byteLength);
  const digest = await sha256(new TextEncoder().encode(`${await sha256(transforms)} ${await sha256(bytes)}`));
  const path = `${cacheDirectory()}/whitening/${digest}.safetensors`;
  if (await exists(path)) {
    try {
      return await decodeWhitening(await readFile(path), path, elements(shape));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      report(`${error.message}: fitting it again`, 0);
    }
  }
  const progress = (done: number) => report("Fitting ZCA whitening", done);
  const whitening = (await fitTransforms(source.config, images, { context, shape, progress }))!;
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
  split: Split,
  whitening: Whitening | null,
  report: Report = silent,
): Promise<Dataset> {
  const examples = await loadSplit(source, split), { shape } = examples;
  const images = examples.images as Float32Array<ArrayBuffer>;
  const progress = (done: number) => report(`Whitening the ${split} images`, done);
  await applyTransforms(source.config, images, { context, shape, fitted: whitening, progress });
  return { ...examples, images };
}

/**
 * Images as the model's config preprocesses them: `images` [count, height, width, channels], values 0 ... 255, stay as
 * they are, the result is new, on its canvas if there is one. Without transforms in the config, -1 ... 1. Throws
 * `UserError` where the model has no config, or no whitening though its config asks for one.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"));
 * const image = new Float32Array(32 * 32 * 3).fill(255); // white
 * console.log((await preprocess(model, image))[0]); // 1
 * ```
 */
export async function preprocess(model: Model, images: Float32Array): Promise<Float32Array<ArrayBuffer>> {
  const { context, whitening, images: shape, canvas } = model, dataset = datasetOf(model);
  checkImages(images, shape, "these images");
  const result = images.slice();
  await applyTransforms(dataset, result, { context, shape, fitted: whitening });
  return canvas === null ? result : placed(result, shape, canvas);
}

/**
 * Signals of the shape of the model's input, as `explain` gives them, in the units of pixels: `signals`
 * [count, height, width, channels] go back through the linear part of each transform, through the inverse of the
 * whitening's matrix. The contrast that `gcn` takes differs from image to image, and stays. The result is new. Throws
 * `UserError` as `preprocess` does, and where a whitening cannot be undone in single precision.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart")); // its scale divides by 127.5
 * console.log((await signalsToPixels(model, new Float32Array(32 * 32 * 3).fill(2)))[0]); // 255
 * ```
 */
export async function signalsToPixels(model: Model, signals: Float32Array): Promise<Float32Array<ArrayBuffer>> {
  const { context, whitening, input: shape } = model, dataset = datasetOf(model);
  checkImages(signals, shape, "these signals");
  const result = signals.slice();
  await undoTransforms(dataset, result, { context, shape, fitted: whitening });
  return result;
}

/** What says how images are preprocessed. Throws `UserError` where nothing does, or what was fitted is missing. */
function datasetOf({ config, whitening, network: { name } }: Model): DatasetConfig {
  if (config === null) throw new UserError(`Cannot preprocess images for "${name}": it has no config that says how`);
  if (whitening !== null || !isFitted(config.dataset)) return config.dataset;
  throw new UserError(
    `Cannot preprocess images for "${name}": its whitening is missing; load the folder of its run, or pass what ` +
      "whiteningFor returns",
  );
}
