/** What a network that comes along is shown where its test images are not at hand: a picture of each class. */
import { readShipped } from "../core/host/shipped.ts";
import { elements } from "../core/graph/tensor.ts";
import type { Dataset } from "../data/dataset.ts";
import type { DatasetConfig } from "../data/dataset_config.ts";
import { classNames, imageShape } from "../data/datasets/mod.ts";
import { imageFor } from "../data/image_for.ts";
import type { Source } from "../training/preprocess.ts";
import { isShippedModel } from "../training/shipped_model.ts";
import type { Arguments } from "./arguments.ts";
import { isAtHand } from "./data_folder.ts";
import type { ProgressLine } from "./progress.ts";

/**
 * The data set's files, as `source` gets them, or the samples in place of its test images: for a network that comes along,
 * unless the files are named or were downloaded. So it can be looked at without a download.
 */
export async function orSamples(
  args: Arguments,
  dataset: DatasetConfig,
  screen: ProgressLine,
  source: () => Promise<Source>,
): Promise<Source> {
  if (!await isShippedModel(args.positional(0)!) || await isAtHand(args, dataset)) return await source();
  const samples = await readSamples(dataset);
  if (samples === null) return await source();
  screen.line(`${samples.count} sample pictures stand in for ${dataset.name}'s test images, which --data DIR names`);
  return { config: dataset, directory: null, samples };
}

/** Those of the classes of a data set; null where allcnn was built without. */
async function readSamples(dataset: DatasetConfig): Promise<Dataset | null> {
  const shape = imageShape(dataset), read: { readonly label: number; readonly pixels: Uint8Array }[] = [];
  for (const [label, name] of classNames(dataset).entries()) {
    const file = `models/samples/${name}.png`, bytes = await readShipped(file);
    if (bytes !== null) read.push({ label, pixels: (await imageFor(bytes, file, shape, null)).pixels });
  }
  if (read.length === 0) return null;
  const images = new Float32Array(read.length * elements(shape));
  read.forEach(({ pixels }, index) => images.set(pixels, index * pixels.length));
  return { images, labels: Uint32Array.from(read, ({ label }) => label), count: read.length, shape };
}
