/** A data set that stays on the GPU, and the ops that pick a batch out of it. */
import { distortionSize, drawDistortions } from "../kernels/data/draw_distortions.ts";
import { gather, gatherLabels, gatherTargets } from "../kernels/data/gather.ts";
import { placeOnCanvas } from "../kernels/data/place_on_canvas.ts";
import type { Limits } from "../kernels/kernel.ts";
import type { Context } from "../core/device/device.ts";
import { type Op, op } from "../core/graph/op.ts";
import type { Buffers } from "../core/device/plan.ts";
import type { Batch } from "../core/graph/program.ts";
import { streamOf } from "../core/graph/random.ts";
import { elements, type Tensor, tensor } from "../core/graph/tensor.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { type Canvas, margins } from "../data/canvas.ts";
import type { LabelledImages } from "../data/dataset.ts";

/** Images in chunks of whole rows, each at most one binding; labels; and the order in which examples are visited. */
export interface Resident {
  readonly count: number;
  /** Places in the order of an epoch: `count`, or more, where its first examples fill the last batch. */
  readonly places: number;
  readonly shape: LabelledImages["shape"];
  readonly chunks: readonly { readonly images: Tensor; readonly first: number; readonly rows: number }[];
  /** u32 [count]; or targets, f32 [count, outputs]. */
  readonly labels: Tensor;
  /** u32 [places], written before each epoch; 0, 1, 2 ... at first. */
  readonly order: Tensor;
  /** u32 [1], written before each epoch: 0 switches the distortion on a canvas off; 1 at first. */
  readonly distorting: Tensor;
}

/** Lays out a data set on a device that binds so many bytes; allocates and uploads nothing yet. */
export function layOutResident(
  name: string,
  { count, shape, outputs = null }: Pick<LabelledImages, "count" | "shape"> & { readonly outputs?: number | null },
  { bindingBytes }: Pick<Limits, "bindingBytes">,
  places = count,
): Resident {
  const perChunk = Math.floor(bindingBytes / (4 * elements(shape))), persistent = { lifetime: "persistent" } as const;
  const chunks = Array.from({ length: Math.ceil(count / perChunk) }, (_, index) => {
    const first = index * perChunk, rows = Math.min(perChunk, count - first);
    return { images: tensor(`${name}/images${index}`, [rows, ...shape], persistent), first, rows };
  });
  const numbers = (what: string, size: number) => tensor(`${name}/${what}`, [size], { dtype: "u32", ...persistent });
  const labels = outputs === null ? numbers("labels", count) : tensor(`${name}/labels`, [count, outputs], persistent);
  const order = numbers("order", places), distorting = numbers("distorting", 1);
  return { count, places, shape, chunks, labels, order, distorting };
}

/** Uploads a data set, an epoch of which has so many places. Its persistent buffers are added to `buffers`. */
export async function makeResident(
  context: Context,
  buffers: Buffers,
  name: string,
  { images, labels, count, shape }: LabelledImages,
  places = count,
): Promise<Resident> {
  const outputs = labels instanceof Float32Array ? labels.length / count : null, size = elements(shape);
  const resident = layOutResident(name, { count, shape, outputs }, context.limits, places);
  for (const { images: chunk, first, rows } of resident.chunks) {
    await writeTensor(context, buffers, chunk, images.slice(first * size, (first + rows) * size));
  }
  await writeTensor(context, buffers, resident.labels, copyOf(labels));
  await writeTensor(context, buffers, resident.order, Uint32Array.from({ length: places }, (_, i) => i % count));
  await writeTensor(context, buffers, resident.distorting, Uint32Array.of(1));
  return resident;
}

/** Classes as u32, targets as f32. */
export const copyOf = (labels: LabelledImages["labels"]): Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer> =>
  labels instanceof Float32Array ? Float32Array.from(labels) : Uint32Array.from(labels);

/** What happens to the images of a batch: at most one of the two. */
export interface Placement {
  readonly augment?: { readonly pad: number; readonly flip: boolean } | null;
  readonly canvas?: Canvas | null;
}

/** The batch of `batch` examples that starts where the step buffer says. */
export function gatherBatch(
  data: Resident,
  step: Tensor,
  batch: number,
  { augment = null, canvas = null }: Placement = {},
): Batch {
  const { places, shape, chunks, labels, order } = data, [height, width, channels] = shape;
  const size = canvas === null ? [height, width] : [canvas.size, canvas.size];
  const x = tensor("x", [batch, ...size, channels]), [, outputs] = labels.shape;
  const y = outputs === undefined ? tensor("labels", [batch], { dtype: "u32" }) : tensor("labels", [batch, outputs]);
  const drawn = augment === null ? null : { ...augment, stream: streamOf("augment") };
  const picked = canvas !== null
    ? canvasOps(data, step, x, canvas)
    : chunks.map(({ images, first, rows }, index) =>
      op(gather, { batch, height, width, channels, places, chunk: { first, rows }, augment: drawn }, {
        label: `gather/${index}`,
        reads: [images, order, step],
        writes: [x],
      })
    );
  const reads = { label: "gather/labels", reads: [labels, order, step], writes: [y] };
  const label: Op = outputs === undefined
    ? op(gatherLabels, { batch, places }, reads)
    : op(gatherTargets, { batch, places, width: outputs }, reads);
  return { ops: [...picked, label], x, labels: y };
}

/** Draws the distortions of a batch and places its images on their canvas, `x`. */
function canvasOps(
  { places, shape, chunks, order, distorting }: Resident,
  step: Tensor,
  x: Tensor,
  canvas: Canvas,
) {
  const [height, width, channels] = shape, batch = x.shape[0]!, { size, background } = canvas;
  const distortion = canvas.distortion === null ? null : { ...canvas.distortion, stream: streamOf("distort") };
  const distortions = tensor("distortions", [batch, distortionSize(channels)]);
  const draw = op(drawDistortions, { batch, channels, places, distortion }, {
    label: "distort",
    reads: distortion === null ? [] : [order, step, distorting],
    writes: [distortions],
  });
  const top = margins(canvas, height).before, left = margins(canvas, width).before;
  const where = { batch, height, width, channels, places, size, top, left, background };
  const place = chunks.map(({ images, first, rows }, index): Op =>
    op(placeOnCanvas, { ...where, chunk: { first, rows } }, {
      label: `place/${index}`,
      reads: [images, order, step, distortions],
      writes: [x],
    })
  );
  return [draw, ...place];
}
