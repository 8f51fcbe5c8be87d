/** Batches that come one by one: of a stream, or from whoever holds a trainer. */
import { UserError } from "../core/host/errors.ts";
import { elements } from "../core/graph/tensor.ts";
import { checkDataset, checkImages } from "../data/check_dataset.ts";
import type { Model } from "./model.ts";

/** Labelled images: [batch, height, width, channels], as the network takes them, and what the loss compares with. */
export interface ExampleBatch {
  readonly images: Float32Array;
  readonly labels: Uint32Array;
}

/** Batches one after the other; a function is asked for those of each epoch, counted from 0. */
export type Batches = Stream | ((epoch: number) => Stream);
/** As an async generator gives it, or an array. */
export type Stream = AsyncIterable<ExampleBatch> | Iterable<ExampleBatch>;

/** How many examples a batch has. Throws `UserError` where it does not fit the model, or has none or more than `most`. */
export function checkBatch(model: Model, { images, labels }: ExampleBatch, most: number, name: string): number {
  const count = checkImages(images, model.images, name);
  checkDataset({ images, labels, count, shape: model.images }, model, name);
  if (count > most) throw new UserError(`Cannot use ${name}: it has ${count} examples, a batch has ${most}`);
  return count;
}

/** A batch of `batch` examples: what is missing at the end are its own, from the first on. */
export function fillBatch({ images, labels }: ExampleBatch, batch: number, shape: readonly number[]): ExampleBatch {
  const size = elements(shape), count = labels.length;
  const filled = { images: new Float32Array(batch * size), labels: new Uint32Array(batch) };
  for (let at = 0; at < batch; at++) {
    filled.images.set(images.subarray((at % count) * size, (at % count + 1) * size), at * size);
    filled.labels[at] = labels[at % count]!;
  }
  return filled;
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
