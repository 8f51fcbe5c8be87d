/** From a data source to the examples of a split on a model's device. */
import { UserError } from "../core/host/errors.ts";
import { checkDecoder } from "../data/image.ts";
import { type ImageFolder, listImageFolder } from "../data/image_folder.ts";
import type { Whitening } from "../data/whitening.ts";
import { classNames } from "./datasets.ts";
import type { Examples } from "./examples.ts";
import type { Model } from "./model.ts";
import { pixelScale } from "../configs/pixel_scale.ts";
import { prepare, type Report, type Source } from "./preprocess.ts";
import { makeResident } from "./resident.ts";
import { evaluationBatch } from "./session.ts";
import { stream } from "./streamed.ts";

/** What is told while examples are opened and read. */
interface Told {
  readonly report: Report;
  /** A whole line. */
  readonly line: (message: string) => void;
}

export interface Opened {
  readonly examples: Examples;
  /** Of all examples, in their order. */
  readonly labels: Uint32Array;
  /** The names of the classes, in the order of the labels. */
  readonly classes: readonly string[];
}

/** The pictures of a split that a config asks for. Throws `UserError` where they cannot be listed. */
export async function listPictures({ config, directory }: Source, split: "train" | "test"): Promise<ImageFolder> {
  if (directory === null) {
    throw new UserError(
      "Cannot read images: no folder was given; name the one that holds train/ and val/ with --data DIR or ALLCNN_DATA",
    );
  }
  const limit = split === "train" ? config.trainExamples : config.testExamples;
  return await listImageFolder(directory, split === "train" ? "train" : "val", limit);
}

/** Opens a split: reads, preprocesses and uploads it; of pictures, only lists them. Throws `UserError`. */
export async function openExamples(
  model: Model,
  source: Source,
  split: "train" | "test",
  { whitening, report, line }: Told & { readonly whitening: Whitening | null },
): Promise<Opened> {
  const { context, buffers, classes } = model, { imageFolder: window } = source.config;
  if (window === undefined) {
    const data = await prepare(context, source, split, whitening, report);
    const examples = await makeResident(context, buffers, split, data);
    return { examples, labels: data.labels, classes: classNames(source.config) };
  }
  await checkDecoder();
  report(`Listing the ${split} images`, 0);
  const folder = await listPictures(source, split), count = folder.names.length;
  if (folder.classes.length !== classes) {
    throw new UserError(
      `Cannot use the images in "${folder.directory}": they are of ${folder.classes.length} classes, one folder each, ` +
        `the network tells ${classes} apart; its last convolution decides how many`,
    );
  }
  const batch = split === "train" ? model.batch : evaluationBatch(model, count);
  const options = { window, scale: pixelScale(source.config), batch, warn: line };
  return { examples: stream(split, folder, options), labels: folder.labels, classes: folder.classes };
}
