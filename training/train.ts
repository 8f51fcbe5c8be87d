import type * as z from "zod";
import { precisionSchema } from "../configs/schema.ts";
import { trainingSchema } from "../configs/training_schema.ts";
import { type Checkpoint, select } from "./checkpoint.ts";
import { checkDataset } from "../data/check_dataset.ts";
import type { Dataset } from "../data/dataset.ts";
import { augmentSchema } from "../data/dataset_config.ts";
import { checkOptions } from "../layers/describe_issue.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import { fit } from "./fit.ts";
import type { Status } from "./status.ts";
import { checkSeed, type Model, withOwnBuffers } from "./model.ts";
import { checkOpen, setParams } from "./params.ts";
import { setLossScale } from "./precision.ts";
import { makeResident } from "./resident.ts";
import { type Augment, type Precision, trainable } from "./session.ts";
import { compileTraining, destroyTraining } from "./training_plans.ts";

/** How to train, as under `training:` of a config; `epochs`, `batch`, `learningRate` and `optimizer` must be there. */
type Settings = Omit<z.input<typeof trainingSchema>, "init"> & Partial<Pick<z.input<typeof trainingSchema>, "init">>;

/**
 * How to train: `epochs`, `batch` (examples per step), `learningRate` (`base`; with `factor`, the rate is multiplied by it
 * after each of `epochs`) and `optimizer`, as under `training:` of a config; and what to tell meanwhile.
 */
export interface TrainOptions extends Settings {
  /** Labelled images to evaluate on after every `evaluateEvery` epochs and the last. */
  readonly validation?: Dataset | undefined;
  /**
   * "f16": activations and their gradients in half precision, parameters in float32; on a device without it
   * (`limits.f16`), and by default, all is float32, unless the model's config says otherwise.
   */
  readonly precision?: Precision | undefined;
  /** Random shifts and mirroring, as under `dataset.augment:` of a config. */
  readonly augment?: Augment | undefined;
  /** Decides the order of the examples, dropout and augmentation; 0 unless said otherwise. */
  readonly seed?: number;
  /** Called after each epoch with its losses and errors. Training waits for it. */
  readonly onEpoch?: (metrics: EpochMetrics) => unknown;
  /** Called about twice a second while an epoch runs. */
  readonly onStatus?: (status: Status) => void;
  /** Called before the first step, every `checkpointMinutes`, and at the end; `encodeCheckpoint` makes it the bytes of a file. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => Promise<void>;
  /** Ends the training after the step in hand. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a model on labelled images, from its current parameters and an optimizer state of zero.
 * `data` holds images [count, height, width, channels] as the network takes them. Returns the metrics of each finished
 * epoch. Throws `UserError` where data or options do not fit, the memory of the device does not suffice, or the loss
 * stops being a number; the model then has the parameters of the last checkpoint.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [
 *   conv("conv1", { channels: 8, kernel: 3, padding: "same", activation: "relu" }),
 *   maxPool("pool1", { kernel: 2, stride: 2 }),
 *   conv("conv2", { channels: 3, kernel: 1 }),
 *   globalAveragePool("average"),
 * ]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * // Grey images of 8x8 pixels; how bright they are is their class.
 * const images = Float32Array.from({ length: 96 * 64 }, (_, i) => Math.floor(i / 64) % 3 - 1);
 * const labels = Uint32Array.from({ length: 96 }, (_, n) => n % 3);
 * const rows = await train(model, { images, labels, count: 96, shape: [8, 8, 1] }, {
 *   epochs: 2,
 *   batch: 32,
 *   learningRate: { base: 0.1 },
 *   optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } },
 *   onEpoch: ({ epoch, trainLoss }) => console.log(`epoch ${epoch}: loss ${trainLoss.toFixed(3)}`),
 * });
 * ```
 */
export async function train(model: Model, data: Dataset, options: TrainOptions): Promise<readonly EpochMetrics[]> {
  const { validation, augment, seed = 0, onEpoch, onStatus, onCheckpoint, signal, precision, ...settings } = options;
  const action = `Cannot train "${model.network.name}"`;
  const training = checkOptions(trainingSchema, { init: { heNormal: {} }, ...settings }, action);
  const augmented = augment === undefined ? null : checkOptions(augmentSchema, augment, `${action} with this augment`);
  const wanted = checkOptions(
    precisionSchema,
    precision ?? model.config?.precision ?? "f32",
    `${action} with this precision`,
  );
  checkSeed(seed);
  checkOpen(model);
  checkDataset(data, model, "the training data");
  if (validation !== undefined) checkDataset(validation, model, "the validation data");
  return await withOwnBuffers(model, async (own) => {
    const session = trainable(own, training, augmented, wanted), { context, buffers } = own;
    await setLossScale(session);
    const resident = await makeResident(context, buffers, "train", data);
    const test = validation === undefined ? null : await makeResident(context, buffers, "validation", validation);
    const plans = await compileTraining(session, { train: resident, test });
    let last: Checkpoint | null = null, rows: readonly EpochMetrics[] = [];
    try {
      await fit(session, {
        ...plans,
        seed,
        resumed: null,
        whitening: null,
        async save(checkpoint) {
          last = checkpoint;
          await onCheckpoint?.(checkpoint);
        },
        async onEpoch(finished) {
          rows = [...finished];
          await onEpoch?.(rows.at(-1)!);
        },
        onStatus: onStatus ?? (() => {}),
        interrupted: () => signal?.aborted ?? false,
      });
    } catch (error) {
      if (last !== null) await setParams(model, select(last, model.saved, model.network.name));
      throw error;
    } finally {
      destroyTraining(plans);
    }
    return rows;
  });
}
