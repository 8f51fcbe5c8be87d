/** The examples of a split as programs see them, without reading any: for programs that are laid out, not run. */
import type { DatasetConfig } from "../data/dataset_config.ts";
import type { Split } from "../data/datasets/dataset_kind.ts";
import { cropsOf, datasetKinds } from "../data/datasets/mod.ts";
import { channelScale } from "../data/transforms/mod.ts";
import type { Examples } from "./examples.ts";
import type { Model } from "./model.ts";
import { placesOf } from "./length.ts";
import { layOutResident } from "./resident.ts";
import { evaluationBatch } from "./session.ts";
import { wantsTargets } from "./targets.ts";
import { stream } from "./streamed.ts";

/** How many there are; of picture files, which nobody has listed, a batch. */
function countOf({ name, trainExamples, testExamples, holdOut = 0 }: DatasetConfig, split: Split, batch: number) {
  const all = datasetKinds.get(name).count(holdOut === 0 ? split : "train");
  const kept = holdOut === 0 ? all : split === "train" ? all - holdOut : holdOut;
  const count = Math.min(kept, (split === "train" ? trainExamples : testExamples) ?? Infinity);
  return count === Infinity ? batch : count;
}

/** The examples of a split of a config's data set, laid out and not read. */
export function unreadExamples(model: Model, dataset: DatasetConfig, split: Split): Examples {
  const count = countOf(dataset, split, model.batch), crops = cropsOf(dataset);
  const places = split === "train" && model.config !== null ? placesOf(model.config.training, count) : count;
  const outputs = wantsTargets(model.loss, model.classes) ? model.classes : null;
  if (crops === null) {
    return layOutResident(split, { count, shape: model.images, outputs }, model.context.limits, places);
  }
  const batch = split === "train" ? model.batch : evaluationBatch(model, count);
  const folder = {
    directory: "",
    classes: [],
    names: Array<string>(count),
    labels: new Uint32Array(count),
    note: null,
  };
  return stream(split, folder, { crops, scale: channelScale(dataset, model.images[2]), batch, warn() {}, places });
}
