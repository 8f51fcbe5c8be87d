/** What a network sees: images of a config's data set as evaluation and training present them, as pictures. */
import type { Config } from "../configs/schema.ts";
import type { Context } from "../core/device/device.ts";
import { type Buffers, compile } from "../core/device/plan.ts";
import { submit } from "../core/device/run_plans.ts";
import type { Batch } from "../core/graph/program.ts";
import { stepTensor } from "../core/graph/step_data.ts";
import { readTensor } from "../core/device/transfer.ts";
import { defaultTuner } from "../core/graph/tuner.ts";
import { canvasOf } from "../data/canvas.ts";
import type { DatasetConfig } from "../data/dataset_config.ts";
import { areAll, channelScale } from "../data/transforms/mod.ts";
import type { Picture } from "../report/tile_grid.ts";
import { loadExamples, prepare, type Report, type Source, whiteningFor } from "./preprocess.ts";
import { gatherBatch, makeResident } from "./resident.ts";

export interface Previewed {
  readonly label: number;
  /** Of its class, where only the files know it. */
  readonly name?: string;
  /** The image of the data set. */
  readonly image: Picture;
  /** As evaluation presents it. */
  readonly plain: Picture;
  /** As training presents it in one step after the other. */
  readonly variants: readonly Picture[];
}

/**
 * The first `images` training images with `variants` each, drawn by `seed` as training draws its first steps. Where
 * preprocessing keeps colours, it is undone; else values of one image are scaled alike, 0 to middle grey. Throws
 * `UserError` where the data cannot be read.
 */
export async function preview(
  context: Context,
  { dataset }: Config,
  directory: string | null,
  { images, variants, seed, report }: {
    readonly images: number;
    readonly variants: number;
    readonly seed: number;
    readonly report: Report;
  },
): Promise<Previewed[]> {
  const source: Source = { config: { ...dataset, trainExamples: images }, directory };
  const raw = await loadExamples(source, "train", images);
  const whitening = await whiteningFor(context, source, report);
  const data = await prepare(context, source, "train", whitening, report);
  const buffers: Buffers = new Map(), step = stepTensor(), canvas = canvasOf(dataset);
  const resident = await makeResident(context, buffers, "preview", data), { count } = resident;
  const seen = async ({ ops, x }: Batch, steps: number) => {
    const plan = await compile(context, { ops, keep: [x] }, defaultTuner(context.limits), buffers);
    const values: Float32Array[] = [];
    for (let n = 0; n < steps; n++) {
      submit({ context, buffers, step }, [{ plans: [plan], data: { step: n, seed, learningRate: 0, first: 0 } }]);
      values.push(Float32Array.from(await readTensor(context, plan.buffers, x)));
    }
    plan.destroy();
    return { values, shape: x.shape as readonly [number, number, number, number] };
  };
  const plainCanvas = canvas === null ? null : { ...canvas, distortion: null };
  const plain = await seen(gatherBatch(resident, step, count, { canvas: plainCanvas }), 1);
  const augment = dataset.augment ?? null;
  const augmented = await seen(gatherBatch(resident, step, count, { augment, canvas }), variants);
  context.check();
  buffers.forEach((buffer) => buffer.destroy());

  const [, height, width, channels] = plain.shape, size = height * width * channels;
  return Array.from({ length: count }, (_, n) => {
    const values = (batch: Float32Array) => batch.subarray(n * size, (n + 1) * size);
    const middle = values(plain.values[0]!), color = colorsOf(dataset, channels, middle);
    const picture = (batch: Float32Array): Picture => ({
      width,
      height,
      pixels: Uint8Array.from(values(batch), (value, i) => byte(color(value, i % channels))),
    });
    const [rawHeight, rawWidth] = raw.shape, rawSize = rawHeight * rawWidth * channels;
    return {
      label: raw.labels[n]!,
      image: {
        width: rawWidth,
        height: rawHeight,
        pixels: Uint8Array.from(raw.images.subarray(n * rawSize, (n + 1) * rawSize), byte),
      },
      plain: picture(plain.values[0]!),
      variants: augmented.values.map(picture),
    };
  });
}

const byte = (value: number) => Math.round(Math.min(255, Math.max(0, value)));

/** From what the network sees to values 0 ... 255, by channel; `image` decides the scale where colours are lost. */
function colorsOf(
  dataset: DatasetConfig,
  channels: number,
  image: Float32Array,
): (value: number, channel: number) => number {
  if (areAll("pixels", dataset)) {
    const { subtract, divide } = channelScale(dataset, channels);
    return (value, channel) => value * divide + subtract[channel]!;
  }
  const largest = image.reduce((max, value) => Math.max(max, Math.abs(value)), 0) || 1;
  return (value) => 127.5 + 127.5 * value / largest;
}
