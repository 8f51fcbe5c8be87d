/** From images to logits and probabilities. */
import { checkImages } from "../data/check_dataset.ts";
import type { Model } from "./model.ts";
import { type PredictQueue, predictQueue } from "./predict_queue.ts";

/**
 * What the last layer puts out for images [count, height, width, channels], preprocessed as the training images were
 * (`preprocess`): the logits [count, classes]. Any count; the first call for about as many compiles, and calls at
 * the same time share passes. Throws `UserError`
 * where the images do not fit the network.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * const logits = await predictLogits(model, new Float32Array(2 * 64)); // of two black images
 * console.log(logits); // Float32Array(6) [ 0, 0, 0, 0, 0, 0 ]
 * ```
 */
export async function predictLogits(model: Model, images: Float32Array): Promise<Float32Array<ArrayBuffer>> {
  return await queueOf(model).logits(images, checkImages(images, model.input, "the images of this prediction"));
}

/** The queue that all calls for a network of a model share. */
function queueOf(model: Model): PredictQueue {
  const { queues, network, batch } = model, queue = queues.get(network) as PredictQueue | undefined;
  if (queue !== undefined) return queue;
  const made = predictQueue(model, batch);
  queues.set(network, made);
  return made;
}

/**
 * The probability of each class for images [count, height, width, channels], preprocessed as the training images were:
 * [count, classes], each row with the sum 1. Throws `UserError` where the images do not fit the network.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * const [zero, one, two] = await predict(model, new Float32Array(64)); // of a black image
 * console.log(zero!.toFixed(2), one!.toFixed(2), two!.toFixed(2)); // 0.33 0.33 0.33
 * ```
 */
export async function predict(model: Model, images: Float32Array): Promise<Float32Array<ArrayBuffer>> {
  return probabilitiesOf(model, await predictLogits(model, images));
}

/** What logits mean: of each class its probability, or what the model's loss says. */
export function probabilitiesOf(
  { loss, classes }: Pick<Model, "loss" | "classes">,
  logits: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  return loss.probabilities?.(logits) ?? softmax(logits, classes);
}

/** exp(logit) / sum of exp over each row of `classes` values. */
export function softmax(logits: Float32Array, classes: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes), largest = Math.max(...row);
    const exponentials = Array.from(row, (value) => Math.exp(value - largest));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    result.set(exponentials.map((value) => value / sum), start);
  }
  return result;
}
