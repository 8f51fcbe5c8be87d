/** From a data source to the examples of a split on a model's device. */
import type { Loss } from "../core/graph/loss.ts";
import { UserError } from "../core/host/errors.ts";
import { classNames, cropsOf } from "../data/datasets/mod.ts";
import { checkDecoder } from "../data/image.ts";
import { channelScale } from "../data/transforms/mod.ts";
import type { Whitening } from "../data/whitening.ts";
import type { Examples } from "./examples.ts";
import type { Model } from "./model.ts";
import { listSplit, prepare, type Report, type Source } from "./preprocess.ts";
import { makeResident } from "./resident.ts";
import { evaluationBatch } from "./session.ts";
import { labelledFor, wantsTargets } from "./targets.ts";
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

/**
 * Opens a split: reads, preprocesses and uploads it; of pictures, only lists them. `places` says how many an epoch has of
 * so many examples; as many unless said otherwise. Throws `UserError`.
 */
export async function openExamples(
  model: Model,
  source: Source,
  split: "train" | "test",
  { whitening, report, line, places = (count) => count, loss }: Told & {
    readonly whitening: Whitening | null;
    readonly places?: (count: number) => number;
    /** Labels are made what it compares with. */
    readonly loss?: Loss;
  },
): Promise<Opened> {
  const { context, buffers, classes } = model, crops = cropsOf(source.config);
  if (crops === null) {
    const data = await prepare(context, source, split, whitening, report);
    const given = loss === undefined ? data : labelledFor({ ...model, loss }, data, `the ${split} images`);
    const examples = await makeResident(context, buffers, split, given, places(data.count));
    return { examples, labels: data.labels, classes: classNames(source.config) };
  }
  if (loss !== undefined && wantsTargets(loss, classes)) {
    throw new UserError("Cannot train on a folder of pictures with this loss: use softmaxCrossEntropy");
  }
  await checkDecoder();
  report(`Listing the ${split} images`, 0);
  const folder = await listSplit(source, split), count = folder.names.length;
  if (folder.note !== null) line(folder.note);
  if (folder.classes.length !== classes) {
    throw new UserError(
      `Cannot use the images in "${folder.directory}": they are of ${folder.classes.length} classes, one folder each, ` +
        `the network tells ${classes} apart; its last convolution decides how many`,
    );
  }
  const batch = split === "train" ? model.batch : evaluationBatch(model, count);
  const options = {
    crops,
    scale: channelScale(source.config, model.images[2]),
    batch,
    warn: line,
    places: places(count),
  };
  return { examples: stream(split, folder, options), labels: folder.labels, classes: folder.classes };
}
