/** How to train a model, as code says it: what a config has under `training:`, and what goes beside it. */
import type * as z from "zod";
import { precisionSchema } from "../configs/schema.ts";
import { trainingSchema } from "../configs/training_schema.ts";
import { augmentSchema } from "../data/dataset_config.ts";
import { checkOptions } from "../layers/describe_issue.ts";
import { checkSeed, type Model } from "./model.ts";
import { type Augment, type Precision, type Session, trainable } from "./session.ts";

type Written = z.input<typeof trainingSchema>;

/**
 * What a step of training is: `batch` (examples of one step), `learningRate` (`base`, and how it changes), `optimizer`,
 * `loss` and `clipNorm`, as under `training:` of a config.
 */
export interface StepOptions extends Omit<Written, "init" | keyof LengthOptions> {
  /**
   * "f16": activations and their gradients in half precision, parameters in float32; on a device without it
   * (`limits.f16`), and by default, all is float32, unless the model's config says otherwise.
   */
  readonly precision?: Precision | undefined;
  /** Random shifts and mirroring, as under `dataset.augment:` of a config. */
  readonly augment?: Augment | undefined;
  /** Decides the order of the examples, dropout and augmentation; 0 unless said otherwise. */
  readonly seed?: number | undefined;
  /** Examples that go through the network at once; their gradients are added up. The whole batch, or what fits. */
  readonly microBatch?: number | undefined;
}

/** How long to train and what happens between epochs, as under `training:` of a config. */
export type LengthOptions = Pick<
  Written,
  "epochs" | "iterations" | "remainder" | "evaluateEvery" | "checkpointMinutes"
>;

/** Of a training that whoever holds it ends. */
const ENDLESS: LengthOptions = { iterations: 2 ** 31 };

/**
 * The model in training, its moments laid out but not allocated. Throws `UserError` on options that are not allowed.
 */
export function sessionOf(
  model: Model,
  { precision, augment, seed = 0, microBatch: _microBatch, ...settings }: StepOptions,
  length: LengthOptions = ENDLESS,
): Session {
  const action = `Cannot train "${model.network.name}"`;
  const training = checkOptions(trainingSchema, { init: { heNormal: {} }, ...settings, ...length }, action);
  const augmented = augment === undefined ? null : checkOptions(augmentSchema, augment, `${action} with this augment`);
  const wanted = precision ?? model.config?.precision ?? "f32";
  checkSeed(seed);
  return trainable(
    model,
    training,
    augmented,
    checkOptions(precisionSchema, wanted, `${action} with this precision`),
  );
}
