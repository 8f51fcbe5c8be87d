/** Batches that come one by one: of a stream, or from whoever holds a trainer. */
import { UserError } from "../core/host/errors.ts";
import { elements } from "../core/graph/tensor.ts";
import { checkImages } from "../data/check_dataset.ts";
import type { LabelledImages } from "../data/dataset.ts";
import type { Model } from "./model.ts";
import { labelledFor } from "./targets.ts";

/** Labelled images: [batch, height, width, channels], as the network takes them, and what the loss compares with. */
export interface ExampleBatch {
  /** [batch, height, width, channels]. */
  readonly images: Float32Array;
  /** Class numbers, u32 [batch], or targets, f32 [batch, outputs]. */
  readonly labels: Uint32Array | Float32Array;
}

/** Batches one after the other; a function is asked for those of each epoch, counted from 0. */
export type Batches = Stream | ((epoch: number) => Stream);
/** As an async generator gives it, or an array. */
export type Stream = AsyncIterable<ExampleBatch> | Iterable<ExampleBatch>;

/**
 * A batch as the loss of a model wants it, with how many examples it has. Throws `UserError` where it does not fit, or has
 * none or more than `most`.
 */
export function checkBatch(
  model: Pick<Model, "images" | "classes" | "loss">,
  { images, labels }: ExampleBatch,
  most: number,
  name: string,
): LabelledImages {
  const count = checkImages(images, model.images, name);
  const checked = labelledFor(model, { images, labels, count, shape: model.images }, name);
  if (count > most) throw new UserError(`Cannot use ${name}: it has ${count} examples, a batch has ${most}`);
  return checked;
}

/** A batch of `batch` examples: what is missing at the end are its own, from the first on. */
export function fillBatch({ images, labels, count, shape }: LabelledImages, batch: number): LabelledImages {
  const repeated = <Values extends Float32Array | Uint32Array>(values: Values, filled: Values): Values => {
    const size = values.length / count;
    for (let at = 0; at < batch; at += count) {
      filled.set(values.subarray(0, Math.min(count, batch - at) * size), at * size);
    }
    return filled;
  };
  const all = batch * labels.length / count;
  return {
    images: repeated(images, new Float32Array(batch * elements(shape))),
    labels: labels instanceof Float32Array
      ? repeated(labels, new Float32Array(all))
      : repeated(labels, new Uint32Array(all)),
    count: batch,
    shape,
  };
}

/** The entries of a stream: while one is used, the next is being made. */
export async function* ahead<T>(stream: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  const iterator = Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream[Symbol.iterator]();
  const next = () => {
    const result = Promise.resolve().then(() => iterator.next());
    result.catch(() => {}); // heard where it is awaited
    return result;
  };
  let ended = false;
  try {
    for (let pending = next();;) {
      const { value, done } = await pending;
      if (done === true) break;
      pending = next();
      yield value;
    }
    ended = true;
  } finally {
    if (!ended) await iterator.return?.();
  }
}
