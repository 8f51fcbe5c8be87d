/** A predictor that one holds: pictures, arrays or buffers in; logits, probabilities and classes out. */
import { UserError } from "../core/host/errors.ts";
import { elements } from "../core/graph/tensor.ts";
import { checkImages } from "../data/check_dataset.ts";
import { inChannels } from "../data/image.ts";
import { type Picture, pixelsOf } from "../data/picture.ts";
import type { Model } from "./model.ts";
import { checkOpen } from "./params.ts";
import { probabilitiesOf } from "./predict.ts";
import { type NetworkInput, predictQueue } from "./predict_queue.ts";
import { preprocess } from "./preprocess.ts";

/** How to predict. */
export interface PredictorOptions {
  /** Most images that go through the network at once; 32 unless said otherwise. */
  readonly batch?: number;
  /**
   * From pixels [count, height, width, channels], 0 ... 255, to what the network takes, for pictures. Unless given, the
   * model's config says it, as `preprocess` does.
   */
  readonly preprocess?: (pixels: Float32Array<ArrayBuffer>) => Float32Array | Promise<Float32Array>;
}

/** What a network says of some images, in their order. */
export interface Prediction {
  /** How many images there were. */
  readonly count: number;
  /** [count, classes] */
  readonly logits: Float32Array<ArrayBuffer>;
  /** [count, classes]: what the logits mean by the model's loss; of one class per image, each row has the sum 1. */
  readonly probabilities: Float32Array<ArrayBuffer>;
  /** [count]: the most probable class of each. */
  readonly classes: Uint32Array<ArrayBuffer>;
}

/** A predictor that one holds. Calls may overlap: those that wait share a pass. */
export interface Predictor {
  /** What it predicts with. */
  readonly model: Model;
  /**
   * Predicts images as the network takes them ([count, height, width, channels], f32, an array or a buffer on the same
   * device with `COPY_SRC`), or pictures of any size, one or a list, of which it takes the middle. Throws `UserError` where
   * they do not fit.
   */
  predict(images: NetworkInput | Picture | readonly Picture[]): Promise<Prediction>;
  /** Frees what it has beside the model, once its calls are done. `await using` does it where the block ends. */
  close(): Promise<void>;
  /** `close`, for `await using predictor = await openPredictor(model)`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const isBuffer = (images: unknown): images is GPUBuffer =>
  typeof GPUBuffer !== "undefined" && images instanceof GPUBuffer;

/** How many images a buffer holds. Throws `UserError` where it cannot be read, or they are no whole number. */
function countIn({ size, usage, label }: GPUBuffer, rowBytes: number): number {
  const name = `the buffer${label === "" ? "" : ` "${label}"`}`;
  if ((usage & GPUBufferUsage.COPY_SRC) === 0) {
    throw new UserError(`Cannot predict ${name}: it was created without the usage GPUBufferUsage.COPY_SRC`);
  }
  if (size === 0 || size % rowBytes !== 0) {
    throw new UserError(`Cannot predict ${name}: ${size} bytes are no whole number of images of ${rowBytes} bytes`);
  }
  return size / rowBytes;
}

/**
 * Opens a model for predictions, one after the other or many at once: compiles the forward pass. `await using` closes it. Throws `UserError` where
 * the model was closed or the batch is no whole number.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"), { seed: 1 });
 * await using predictor = await openPredictor(model, { batch: 8 });
 * const white = { data: new Uint8ClampedArray(4 * 64 * 48).fill(255), width: 64, height: 48 }; // as ImageData
 * const { probabilities, classes } = await predictor.predict(white);
 * console.log(probabilities.length, classes.length); // 10 1
 * ```
 */
export async function openPredictor(
  model: Model,
  { batch = 32, preprocess: own }: PredictorOptions = {},
): Promise<Predictor> {
  if (!Number.isInteger(batch) || batch < 1) {
    throw new UserError(`Cannot predict in batches of ${batch}: expected a whole number of at least 1`);
  }
  checkOpen(model);
  const queue = predictQueue(model, batch), rowBytes = 4 * elements(model.input), leave = model.users.enter();
  const running = new Set<Promise<unknown>>();
  let closed = false;
  try {
    await queue.prepare();
  } catch (error) {
    leave();
    throw error;
  }

  async function fromPictures(pictures: readonly Picture[]): Promise<Float32Array> {
    const [height, width, channels] = model.images, size = height * width * channels;
    const pixels = new Float32Array(pictures.length * size);
    for (const [index, picture] of pictures.entries()) {
      pixels.set(inChannels(await pixelsOf(picture, height, width), channels), index * size);
    }
    return own === undefined ? await preprocess(model, pixels) : await own(pixels);
  }

  async function predict(images: NetworkInput | Picture | readonly Picture[]): Promise<Prediction> {
    if (closed) throw new UserError("This predictor was closed: openPredictor opens another one");
    checkOpen(model);
    const given = images instanceof Float32Array || isBuffer(images)
      ? images
      : await fromPictures(Array.isArray(images) ? images : [images as Picture]);
    const count = given instanceof Float32Array
      ? checkImages(given, model.input, "the images of this prediction")
      : countIn(given, rowBytes);
    const logits = await queue.logits(given, count),
      { classes: width } = model,
      probabilities = probabilitiesOf(model, logits);
    const classes = Uint32Array.from({ length: count }, (_, n) => {
      const row = logits.subarray(n * width, (n + 1) * width);
      return row.indexOf(Math.max(...row));
    });
    return { count, logits, probabilities, classes };
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await Promise.allSettled(running);
    queue.free();
    leave();
  }

  return {
    model,
    predict(images) {
      const result = predict(images);
      running.add(result);
      result.catch(() => {}).finally(() => running.delete(result));
      return result;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
