/** A data set of picture files that streams through the device: batches are decoded ahead, and uploaded one by one. */
import type { Context } from "../core/device/device.ts";
import { op } from "../core/graph/op.ts";
import type { Buffers } from "../core/device/plan.ts";
import type { Batch } from "../core/graph/program.ts";
import { draw, key, streamOf, unit } from "../core/graph/random.ts";
import { type Tensor, tensor } from "../core/graph/tensor.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { type Crop, type Crops, MIDDLE } from "../data/crop.ts";
import type { ImageShape } from "../data/dataset.ts";
import { decodeBatch } from "../data/image_batch.ts";
import { type ImageFolder, pathOf } from "../data/image_folder.ts";
import { prefetch } from "../data/prefetch.ts";
import type { ChannelScale } from "../data/transforms/mod.ts";
import { unpack, unpackLabels } from "../kernels/data/unpack.ts";
import { orderOf, type Pass, type PassOptions } from "./pass.ts";

export interface Streamed {
  readonly count: number;
  /** Places in the order of an epoch: `count`, or more, where its first pictures fill the last batch. */
  readonly places: number;
  readonly shape: ImageShape;
  readonly folder: ImageFolder;
  readonly crops: Crops;
  readonly scale: ChannelScale;
  /** Examples that are on the device at a time. */
  readonly batch: number;
  /** u32 [batch * height * width * channels / 4], rounded up: bytes. */
  readonly pixels: Tensor;
  /** u32 [batch] */
  readonly labels: Tensor;
  /** Pictures that turned out to be damaged or gone, by index; they do not count. */
  readonly skipped: Set<number>;
  /** Hears of each of them once. */
  readonly warn: (message: string) => void;
}

/** Batches that are decoded, or being decoded, before their step: one may take longer than the one before. */
const BATCHES_AHEAD = 3;

/** Skipped pictures that are named; of more, only their number is of interest. */
const MOST_NAMED = 20;

/** Lays out a stream of the pictures of `folder` in batches of `batch`; reads nothing yet. */
export function stream(
  name: string,
  folder: ImageFolder,
  { crops, scale, batch, warn, places = folder.names.length }:
    & Pick<Streamed, "crops" | "scale" | "batch" | "warn">
    & Partial<Pick<Streamed, "places">>,
): Streamed {
  const shape = [crops.crop, crops.crop, 3] as const, words = Math.ceil(batch * crops.crop ** 2 * 3 / 4);
  const u32 = { dtype: "u32", lifetime: "persistent" } as const;
  const pixels = tensor(`${name}/pixels`, [words], u32), labels = tensor(`${name}/labels`, [batch], u32);
  const skipped = new Set<number>();
  const count = folder.names.length;
  return { count, places, shape, folder, crops, scale, batch, pixels, labels, skipped, warn };
}

/** The ops that make the batch, or a part of it, out of what was uploaded last. */
export function unpackBatch(
  { shape, scale, batch: rows, pixels, labels }: Streamed,
  step: Tensor,
  batch: number,
): Batch {
  const [height, width, channels] = shape;
  const x = tensor("x", [batch, ...shape]), y = tensor("labels", [batch], { dtype: "u32" });
  const ops = [
    op(unpack, { batch, height, width, channels, rows, ...scale }, {
      label: "unpack",
      reads: [pixels, step],
      writes: [x],
    }),
    op(unpackLabels, { batch, rows }, { label: "unpack/labels", reads: [labels, step], writes: [y] }),
  ];
  return { ops, x, labels: y };
}

/** The crop of the example at place `index` of the epoch: drawn by (seed, step, index), so a part draws as the whole. */
export function trainingCrop({ shortSide, crop, flip }: Crops, seed: number, step: number, index: number): Crop {
  const k = key(seed, step, streamOf("window"));
  const x = unit(k, 3 * index), y = unit(k, 3 * index + 1);
  return { shortSide, crop, x, y, flip: flip && draw(k, 3 * index + 2) % 2 === 1 };
}

/** Begins to decode the batches of a pass. */
export function streamPass(context: Context, buffers: Buffers, data: Streamed, options: PassOptions): Pass {
  const { folder, places, batch, skipped } = data, { training } = options, first = training?.first ?? 0;
  const order = training === null ? null : orderOf(data, training);
  const cropOf = (at: number, index: number): Crop =>
    training === null
      ? { ...data.crops, ...MIDDLE }
      : trainingCrop(data.crops, training.seed, training.firstStep + at, index);
  const skip = (index: number, { message }: Error) => {
    if (skipped.has(index)) return;
    skipped.add(index);
    const why = message.includes(pathOf(folder, index)) ? message : `${pathOf(folder, index)}: ${message}`;
    if (skipped.size <= MOST_NAMED) data.warn(`Skipped: ${why}`);
    if (skipped.size === MOST_NAMED) data.warn("Pictures that are skipped from here on are counted, but not named");
  };
  const batches = prefetch(options.batches, BATCHES_AHEAD, (at) => {
    const from = first + at * batch, length = Math.min(batch, places - from);
    const examples = Uint32Array.from({ length }, (_, n) => order === null ? from + n : order[from + n]!);
    return decodeBatch(folder, examples, batch, data.crops.crop, (n) => cropOf(at, from + n), skip);
  });
  const next = async () => {
    const { pixels, labels } = await batches.next();
    await writeTensor(context, buffers, data.pixels, new Uint32Array(pixels.buffer));
    await writeTensor(context, buffers, data.labels, labels);
  };
  return { next, close: batches.close };
}
