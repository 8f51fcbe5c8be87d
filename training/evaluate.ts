import { UserError } from "../core/host/errors.ts";
import { readTensor, writeTensor } from "../core/device/transfer.ts";
import type { LabelledImages } from "../data/dataset.ts";
import type { Examples } from "./examples.ts";
import { type Model, ownBuffers, withOwnBuffers } from "./model.ts";
import { makeResident } from "./resident.ts";
import { runBatches } from "./run_batches.ts";
import { compileEvaluation, type Evaluation } from "./session.ts";
import { labelledFor } from "./targets.ts";
import { meansOf } from "./sums.ts";

/** Mean cross-entropy in nats and error in percent, of so many examples: all whose image could be read. */
export interface Score {
  /** Mean loss of an example. */
  readonly loss: number;
  /** Percent of examples that count as errors. */
  readonly error: number;
  /** How many examples counted. */
  readonly examples: number;
}

/** What an evaluation tells while it runs. */
export interface EvaluateOptions {
  /** Called after each batch with the index of its first example, and its logits [batch, classes] if asked for. */
  readonly onBatch?: (first: number, logits: Float32Array | null) => void;
  /** Hand the logits to `onBatch` too? They are copied from the device then. The default is no. */
  readonly withLogits?: boolean;
}

/**
 * Mean loss and error of a model on labelled images, which are preprocessed as its training images were. Throws
 * `UserError` where the data do not fit the network.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * const images = new Float32Array(2 * 64), labels = Uint32Array.of(0, 2); // two black images of 8x8 pixels
 * const { loss, error } = await evaluate(model, { images, labels, count: 2, shape: [8, 8, 1] });
 * console.log(loss.toFixed(3), error); // 1.099 50
 * ```
 */
export async function evaluate(model: Model, data: LabelledImages, options: EvaluateOptions = {}): Promise<Score> {
  const evaluator = await openEvaluator(model, data, "the data of this evaluation");
  try {
    return await evaluator.run(options);
  } finally {
    evaluator.close();
  }
}

/** A data set on the device, to evaluate a model on again and again. */
export interface Evaluator {
  run(options?: EvaluateOptions): Promise<Score>;
  close(): void;
}

/** Puts a data set on the device; errors call it `name`. Throws as `evaluate` does. */
export async function openEvaluator(model: Model, data: LabelledImages, name: string): Promise<Evaluator> {
  const given = labelledFor(model, data, name);
  const { own, release } = ownBuffers(model);
  try {
    const evaluation = await compileEvaluation(
      own,
      await makeResident(own.context, own.buffers, "evaluation", given),
    );
    return {
      run: async (options = {}) => (await runEvaluation(own, evaluation, options))!,
      close() {
        evaluation.plan.destroy();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** As `evaluate`, on examples that `open` puts on the device, in the buffers of the model that it is given. */
export async function evaluateOn(
  model: Model,
  open: (own: Model) => Promise<Examples>,
  options: EvaluateOptions = {},
): Promise<Score> {
  return await withOwnBuffers(model, async (own) => {
    const evaluation = await compileEvaluation(own, await open(own));
    try {
      return (await runEvaluation(own, evaluation, options))!;
    } finally {
      evaluation.plan.destroy();
    }
  });
}

/** Loss and error of the current parameters over all examples of `evaluation`. Returns null where `stop` said so. */
export async function runEvaluation(
  model: Model,
  { plan, batch, data, metrics, logits }: Evaluation,
  { onBatch, withLogits = false, stop = () => false }: EvaluateOptions & { readonly stop?: () => boolean } = {},
): Promise<Score | null> {
  const { context, buffers } = model;
  await writeTensor(context, buffers, metrics, new Float32Array(4));
  const whole = await runBatches(model, plan, { data, batch }, async (first) => {
    if (stop()) return false;
    onBatch?.(first, withLogits ? await readTensor(context, plan.buffers, logits) : null);
    return true;
  });
  if (!whole) return null;
  const sums = Array.from(await readTensor(context, buffers, metrics)), examples = sums[2]!;
  if (examples === 0) throw new UserError(`None of the ${data.count} images of the evaluation could be read`);
  const expected = data.count - ("skipped" in data ? data.skipped.size : 0);
  if (examples !== expected) throw new UserError(`The device evaluated ${examples} of ${expected} examples`);
  return { ...meansOf(sums), examples };
}
