import { type Checkpoint, select } from "./checkpoint.ts";
import type { LabelledImages } from "../data/dataset.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import type { Batches } from "./batches.ts";
import { fit } from "./fit.ts";
import { placesOf } from "./length.ts";
import type { Status } from "./status.ts";
import { type Model, withOwnBuffers } from "./model.ts";
import { checkOpen, writeParams } from "./params.ts";
import { setLossScale } from "./precision.ts";
import { makeResident } from "./resident.ts";
import { labelledFor } from "./targets.ts";
import { fitStream, type StreamHooks } from "./train_stream.ts";
import { type LengthOptions, sessionOf, type StepOptions } from "./training_options.ts";
import { compileTraining, destroyTraining } from "./training_plans.ts";

/**
 * How to train, as under `training:` of a config: what a step is, and `epochs` or `iterations`; and what to tell meanwhile.
 * `remainder` says what becomes of the examples of an epoch that fill no batch: "drop" leaves them out, which are others in
 * each epoch, as the order is; "fill" makes a batch of them and the epoch's first.
 */
export interface TrainOptions extends StepOptions, LengthOptions {
  /** Labelled images to evaluate on after every `evaluateEvery` epochs and the last. */
  readonly validation?: LabelledImages | undefined;
  /** Called after each epoch with its losses and errors. Training waits for it, and ends where it returns "stop". */
  readonly onEpoch?: (metrics: EpochMetrics) => unknown;
  /** Called about twice a second while an epoch runs; not for streams. */
  readonly onStatus?: (status: Status) => void;
  /** Called before the first step, every `checkpointMinutes`, and at the end; `encodeCheckpoint` makes it the bytes of a file. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => Promise<void>;
  /** Ends the training after the step in hand. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a model on labelled images, from its current parameters and an optimizer state of zero.
 * `data` holds images [count, height, width, channels] as the network takes them, or gives them batch by batch: an async
 * iterable, or a function that makes one for each epoch, of which the next batch is asked for while the device computes.
 * Returns the metrics of each finished epoch. Throws `UserError` where data or options do not fit, the memory of the device does not suffice, or the loss
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
export async function train(
  model: Model,
  data: LabelledImages | Batches,
  options: TrainOptions,
): Promise<readonly EpochMetrics[]> {
  const { validation, onEpoch, onStatus = () => {}, onCheckpoint, signal, ...settings } = options;
  const { epochs, iterations, remainder, evaluateEvery, checkpointMinutes, ...step } = settings;
  const length = { epochs, iterations, remainder, evaluateEvery, checkpointMinutes };
  let last: Checkpoint | null = null, rows: readonly EpochMetrics[] = [];
  const hooks = {
    validation,
    async save(checkpoint: Checkpoint) {
      last = checkpoint;
      await onCheckpoint?.(checkpoint);
    },
    async onEpoch(finished: readonly EpochMetrics[]) {
      rows = [...finished];
      return await onEpoch?.(rows.at(-1)!);
    },
    onStatus,
    interrupted: () => signal?.aborted ?? false,
  };
  checkOpen(model);
  try {
    if ("images" in data) await fitArrays(model, data, { ...step, length }, hooks);
    else await fitStream(model, data, { ...step, length }, hooks);
  } catch (error) {
    if (last !== null && model.buffers.size > 0) {
      await writeParams(model, select(last, model.saved, model.network.name));
    }
    throw error;
  }
  return rows;
}

/** Trains on a data set that stays on the device. */
async function fitArrays(
  model: Model,
  data: LabelledImages,
  { length, ...step }: StepOptions & { readonly length: LengthOptions },
  { validation, ...hooks }: StreamHooks & { readonly onStatus: (status: Status) => void },
): Promise<void> {
  await withOwnBuffers(model, async (own) => {
    const session = sessionOf(own, step, length), { context, buffers, training } = session;
    const given = labelledFor(session, data, "the training data");
    const tested = validation && labelledFor(session, validation, "the validation data");
    await setLossScale(session);
    const train = await makeResident(context, buffers, "train", given, placesOf(training, data.count));
    const test = tested === undefined ? null : await makeResident(context, buffers, "validation", tested);
    const plans = await compileTraining(session, { train, test }, { microBatch: step.microBatch ?? null });
    try {
      await fit(session, { ...plans, ...hooks, seed: step.seed ?? 0, resumed: null, whitening: null });
    } finally {
      destroyTraining(plans);
    }
  });
}
