/** Labels as a loss compares with them. */
import type { Loss } from "../core/graph/loss.ts";
import { UserError } from "../core/host/errors.ts";
import { checkDataset } from "../data/check_dataset.ts";
import type { LabelledImages } from "../data/dataset.ts";
import type { Model } from "./model.ts";

/** Does a loss compare with targets, f32 [batch, outputs], instead of classes? */
export function wantsTargets(loss: Loss, classes: number): boolean {
  return loss.target([1, classes]).dtype === "f32";
}

/** 1 for the class, 0 for the others: [count, classes]. */
function oneHot(labels: Uint32Array, classes: number): Float32Array<ArrayBuffer> {
  const targets = new Float32Array(labels.length * classes);
  labels.forEach((label, n) => targets[n * classes + label] = 1);
  return targets;
}

/**
 * Labelled images for a model's loss, checked: classes as they are, or as targets where it wants such. Throws `UserError`,
 * naming `name`, where they do not fit, or are targets for a loss that compares with classes.
 */
export function labelledFor<Data extends LabelledImages>(
  model: Pick<Model, "loss" | "classes" | "images">,
  data: Data,
  name: string,
): LabelledImages {
  const { loss, classes } = model, { labels } = data;
  checkDataset(data, model, name);
  const wanted = wantsTargets(loss, classes);
  if (labels instanceof Float32Array && !wanted) {
    throw new UserError(
      `Cannot use ${name}: its labels are targets (a Float32Array), the loss compares with classes: give a Uint32Array of ` +
        "class numbers, or a loss as sigmoidCrossEntropy or meanSquaredError",
    );
  }
  return wanted && !(labels instanceof Float32Array) ? { ...data, labels: oneHot(labels, classes) } : data;
}
