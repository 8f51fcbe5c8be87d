/** From images to logits and probabilities. */
import { compile } from "../core/device/plan.ts";
import { runAndRead } from "../core/device/run_plans.ts";
import { forwardProgram } from "../core/graph/program.ts";
import { elements, tensor } from "../core/graph/tensor.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { checkImages } from "../data/check_dataset.ts";
import { type Model, type Predictor, release } from "./model.ts";
import { checkOpen } from "./params.ts";

/**
 * What the last layer puts out for images [count, height, width, channels], preprocessed as the training images were
 * (`preprocess`): the logits [count, classes]. Any count; the first call for about as many compiles. Throws `UserError`
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
  const count = checkImages(images, model.input, "the images of this prediction");
  checkOpen(model);
  const leave = model.users.enter();
  try {
    return await logitsOf(model, images, count);
  } finally {
    leave();
  }
}

async function logitsOf(model: Model, images: Float32Array, count: number): Promise<Float32Array<ArrayBuffer>> {
  const size = elements(model.input), { classes, context } = model;
  const result = new Float32Array(count * classes), batch = batchFor(model, count);
  const predictors = model.predictors.get(model.network) ?? new Map<number, Predictor>();
  model.predictors.set(model.network, predictors);
  const predictor = predictors.get(batch) ?? await compilePredictor(model, batch);
  predictors.delete(batch); // so that another call at the same time takes another one
  const { plan, x, logits } = predictor;
  for (let first = 0; first < count; first += batch) {
    const rows = new Float32Array(batch * size);
    rows.set(images.subarray(first * size, (first + batch) * size));
    await writeTensor(context, plan.buffers, x, rows);
    const [values] = await runAndRead(context, plan, [logits]);
    result.set(new Float32Array(values!).subarray(0, (count - first) * classes), first * classes);
  }
  if (predictors.has(batch)) release(predictor);
  else predictors.set(batch, predictor);
  return result;
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
  return softmax(await predictLogits(model, images), model.classes);
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

/** A power of two: few different batches are compiled, and few images are not padded to many. */
function batchFor({ batch }: Model, count: number): number {
  return Math.min(batch, 2 ** Math.ceil(Math.log2(Math.max(1, count))));
}

async function compilePredictor(model: Model, batch: number): Promise<Predictor> {
  const x = tensor("x", [batch, ...model.input], { lifetime: "persistent" });
  const { logits, ...program } = forwardProgram(model, x);
  return { plan: await compile(model.context, program, model.tuner, new Map(model.buffers)), x, logits };
}
