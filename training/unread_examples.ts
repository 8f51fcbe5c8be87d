/** The examples of a split as programs see them, without reading any: for programs that are laid out, not run. */
import { pixelScale } from "../configs/pixel_scale.ts";
import type { DatasetConfig } from "../configs/schema.ts";
import { CIFAR10 } from "../data/cifar10.ts";
import { CIFAR100 } from "../data/cifar100.ts";
import type { Examples } from "./examples.ts";
import type { Model } from "./model.ts";
import { SHAPES } from "./preprocess.ts";
import { layOutResident } from "./resident.ts";
import { evaluationBatch } from "./session.ts";
import { stream } from "./streamed.ts";

type Split = "train" | "test";

/** How many there are; of picture files, which nobody has listed, a batch. */
function countOf({ name, trainExamples, testExamples, holdOut = 0 }: DatasetConfig, split: Split, batch: number) {
  const all = {
    cifar10: CIFAR10.files[split].length * CIFAR10.recordsPerFile[split],
    cifar100: CIFAR100.files[split].length * CIFAR100.recordsPerFile[split],
    shapes: SHAPES[split],
    imageFolder: Infinity,
  }[name];
  const kept = holdOut === 0 ? all : split === "train" ? all - holdOut : holdOut;
  const count = Math.min(kept, (split === "train" ? trainExamples : testExamples) ?? Infinity);
  return count === Infinity ? batch : count;
}

/** The examples of a split of a config's data set, laid out and not read. */
export function unreadExamples(model: Model, dataset: DatasetConfig, split: Split): Examples {
  const count = countOf(dataset, split, model.batch), { imageFolder: window } = dataset;
  if (window === undefined) return layOutResident(split, { count, shape: model.images }, model.context.limits);
  const batch = split === "train" ? model.batch : evaluationBatch(model, count);
  const folder = { directory: "", classes: [], names: Array<string>(count), labels: new Uint32Array(count) };
  return stream(split, folder, { window, scale: pixelScale(dataset), batch, warn() {} });
}
