/** How to train a model, as code says it: what a config has under `training:`, and what goes beside it. */
import { precisionSchema } from "../configs/schema.ts";
import { trainingSchema } from "../configs/training_schema.ts";
import { type AugmentConfig, augmentSchema } from "../data/dataset_config.ts";
import { checkOptions } from "../core/kinds/check_options.ts";
import type { Loss } from "../core/graph/loss.ts";
import type { Optimizer } from "../core/graph/optimizer.ts";
import { UserError } from "../core/host/errors.ts";
import type { LossConfig } from "../learning/losses/mod.ts";
import type { OptimizerOptions } from "../learning/optimizers/mod.ts";
import { checkedSchedule, type LearningRateOptions } from "../learning/schedules/mod.ts";
import type { Schedule } from "../learning/schedules/schedule.ts";
import { checkSeed, type Model } from "./model.ts";
import { type Own, type Session, sessionWith } from "./session.ts";

/** What a step of training is, as under `training:` of a config. */
export interface StepOptions {
  /** Examples of one step. */
  readonly batch: number;
  /** `sgd(...)`, `adam(...)`, `adamw(...)`, or one of one's own. */
  readonly optimizer: OptimizerOptions | Optimizer;
  /** A rate, a schedule as `cosine(...)`, or a function of step, epoch and how many steps there are. */
  readonly learningRate: LearningRateOptions | number | Schedule;
  /** `softmaxCrossEntropy(...)` and the like, or one of one's own; the model's unless given. */
  readonly loss?: LossConfig | Loss | undefined;
  /** The gradient's Euclidean norm over all parameters is clipped to it before each update; by default it is not. */
  readonly clipNorm?: number | undefined;
  /**
   * "f16": activations and their gradients in half precision, parameters in float32; on a device without it
   * (`limits.f16`), and by default, all is float32, unless the model's config says otherwise.
   */
  readonly precision?: "f32" | "f16" | undefined;
  /** Random shifts and mirroring, as under `dataset.augment:` of a config. */
  readonly augment?: AugmentConfig | undefined;
  /** Decides the order of the examples, dropout and augmentation; 0 unless said otherwise. */
  readonly seed?: number | undefined;
  /**
   * Is the parameter of this name ("conv1/w") trained? All are unless said otherwise. The others, their moments and their
   * share of the clipped norm stay out; the state of layers, as running statistics, does not.
   */
  readonly trainable?: ((name: string) => boolean) | undefined;
  /** Examples that go through the network at once; their gradients are added up. The whole batch, or what fits. */
  readonly microBatch?: number | undefined;
}

const isOwnOptimizer = (optimizer: StepOptions["optimizer"]): optimizer is Optimizer =>
  typeof (optimizer as Partial<Optimizer> | undefined)?.update === "function";
const isOwnLoss = (loss: StepOptions["loss"]): loss is Loss =>
  typeof (loss as Partial<Loss> | undefined)?.ops === "function";

/** Throws `UserError` where nothing is left to train. */
function checkedNames({ specs }: Model, isTrainable: StepOptions["trainable"], action: string) {
  const names = Object.keys(specs);
  if (isTrainable === undefined || names.some(isTrainable)) return isTrainable;
  throw new UserError(`${action}: trainable matches none of its parameters: ${names.join(", ")}`);
}

/** Fills the place of what code gives as a function, so that the rest can be checked; the function is what counts. */
const STAND_IN = { optimizer: { sgd: { momentum: 0, weightDecay: 0 } }, learningRate: { base: 1 } };

/** How long to train and what happens between epochs, as under `training:` of a config. */
export interface LengthOptions {
  /** How long; with `iterations` too, what ends first. At least one of the two is needed. */
  readonly epochs?: number | undefined;
  /** How long in steps; the last epoch may be cut short. */
  readonly iterations?: number | undefined;
  /** What becomes of the examples of an epoch that fill no batch: left out ("drop"), or filled up with its first ones. */
  readonly remainder?: "drop" | "fill" | undefined;
  /** Epochs from one evaluation on `validation` to the next; the default is 1. */
  readonly evaluateEvery?: number | undefined;
  /** Minutes from one checkpoint to the next, at most; the default is 5. */
  readonly checkpointMinutes?: number | undefined;
}

/** Of a training that whoever holds it ends. */
const ENDLESS: LengthOptions = { iterations: 2 ** 31 };

/**
 * The model in training, its moments laid out but not allocated. Throws `UserError` on options that are not allowed.
 */
export function sessionOf(
  model: Model,
  {
    precision,
    augment,
    seed = 0,
    microBatch: _microBatch,
    trainable: isTrainable,
    optimizer,
    learningRate,
    loss,
    ...settings
  }: StepOptions,
  length: LengthOptions = ENDLESS,
): Session {
  const action = `Cannot train "${model.network.name}"`;
  const own: Own = {
    optimizer: isOwnOptimizer(optimizer) ? optimizer : undefined,
    rate: typeof learningRate === "function" ? checkedSchedule(learningRate) : undefined,
    loss: isOwnLoss(loss) ? loss : undefined,
  };
  const training = checkOptions(trainingSchema, {
    init: { heNormal: {} },
    ...settings,
    ...length,
    optimizer: own.optimizer === undefined ? optimizer : STAND_IN.optimizer,
    learningRate: own.rate === undefined ? learningRate : STAND_IN.learningRate,
    ...(own.loss === undefined && loss !== undefined && { loss }),
  }, action);
  const augmented = augment === undefined ? null : checkOptions(augmentSchema, augment, `${action} with this augment`);
  const wanted = precision ?? model.config?.precision ?? "f32";
  checkSeed(seed);
  const checked = checkOptions(precisionSchema, wanted, `${action} with this precision`);
  return sessionWith(model, training, augmented, checked, {
    ...own,
    isTrainable: checkedNames(model, isTrainable, action),
  });
}
