/**
 * Where in an image the features of a unit are. Of a unit with several positions, what it puts out at each. Of one with a
 * single position, as a class: where the average of all positions comes right before it, the channel of its class (class
 * activation map, Zhou et al. 2016); else the last layer with positions, its channels weighted by their mean gradients and
 * what is negative left out (Grad-CAM, Selvaraju et al. 2017). Maps are scaled to the image bilinearly.
 */
import { compile } from "../core/device/plan.ts";
import { runAndRead } from "../core/device/run_plans.ts";
import type { Layer, Trace } from "../core/graph/layer.ts";
import { valuesOf } from "../core/graph/program.ts";
import { elements, tensor } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { sequential } from "../layers/sequential.ts";
import { kindOf } from "../layers/layer_kind.ts";
import { type Model, withOwnBuffers } from "../training/model.ts";
import { explain, type Explanation } from "./explain.ts";
import { upTo } from "./layer_of.ts";
import type { Asked } from "./asked.ts";

/** A map [height, width], row by row. */
interface PositionMap {
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

const positionsOf = (shape: readonly number[]) => shape.length === 4 ? shape[1]! * shape[2]! : 1;

export async function classMap(model: Model, images: Float32Array, asked: Asked): Promise<Explanation[]> {
  const seen = await explain(model, images, { ...asked, rule: "gradient" });
  const maps = await mapsOf(model, split(upTo(model.network, asked.layer), model.input), images, seen);
  return seen.map((each, n) => ({ ...each, reconstruction: onPixels(maps[n]!, model.input) }));
}

interface Parts {
  readonly below: Layer;
  readonly above: readonly Layer[];
}

/** The layers of a network, split behind the last that has positions. Throws `UserError`. */
function split(network: Layer, input: readonly number[]): Parts {
  const layers = network.layers ?? [network];
  for (let count = layers.length; count > 0; count--) {
    const below = sequential(network.name, layers.slice(0, count));
    if (positionsOf(below.init([1, ...input]).output) > 1) return { below, above: layers.slice(count) };
  }
  throw new UserError(`Cannot map a unit of "${layers.at(-1)!.name}": no layer up to it has more than one position`);
}

/** Forward through `below` to its maps and, where `above` weighs them, on to its output and back. Pure. */
function mapProgram(model: Model, { below, above }: Parts) {
  const x = tensor("x", [1, ...model.input], { lifetime: "persistent" }), params = valuesOf(model);
  const trace: Trace = { mode: "eval", step: model.step, path: "" }, first = below.forward(params, x, trace);
  const averaged = above.length === 1 && kindOf(above[0]!)?.key === "globalAveragePool";
  if (above.length === 0 || averaged) return { program: { ops: first.ops, keep: [first.y] }, x, dy: null };
  const rest = sequential("above", above).forward(params, first.y, trace);
  const dy = tensor("dy", rest.y.shape, { lifetime: "persistent" });
  const back = rest.pullback(dy, { rule: "gradient", switches: true, grads: null, input: true });
  return { program: { ops: [...first.ops, ...rest.ops, ...back.ops], keep: [first.y, back.dx!] }, x, dy };
}

/** The map of each image, one after the other, by one plan. */
async function mapsOf(
  model: Model,
  parts: Parts,
  images: Float32Array,
  seen: readonly Explanation[],
): Promise<PositionMap[]> {
  const size = elements(model.input), maps: PositionMap[] = [];
  return await withOwnBuffers(model, async (own) => {
    const { context, buffers, tuner } = own, { program, x, dy } = mapProgram(own, parts);
    const plan = await compile(context, program, tuner, buffers);
    try {
      for (const [n, { unit }] of seen.entries()) {
        await writeTensor(context, buffers, x, images.slice(n * size, (n + 1) * size));
        if (dy !== null) await writeTensor(context, buffers, dy, oneHot(unit, elements(dy.shape)));
        const found = (await runAndRead(context, plan, program.keep)).map((bytes) => new Float32Array(bytes));
        maps.push(mapOf(program.keep[0]!.shape, unit, found));
      }
      return maps;
    } finally {
      plan.destroy();
    }
  });
}

const oneHot = (index: number, count: number) => Float32Array.from({ length: count }, (_, i) => i === index ? 1 : 0);

/** The channel of the unit, or, where there are gradients, the weighted sum of all. */
function mapOf(
  [, height, width, channels]: readonly number[],
  unit: number,
  [values, gradients]: readonly Float32Array[],
): PositionMap {
  if (gradients === undefined) {
    return { height: height!, width: width!, values: weighted(values!, oneHot(unit, channels!)) };
  }
  const map = weighted(values!, channelMeans(gradients, channels!));
  return { height: height!, width: width!, values: map.map((value) => Math.max(0, value)) };
}

/** The mean over all positions of [positions, channels]. */
function channelMeans(values: Float32Array, channels: number): Float32Array {
  const means = new Float32Array(channels);
  values.forEach((value, i) => means[i % channels]! += value * channels / values.length);
  return means;
}

/** The sum over channels of [positions, channels], each times its weight. */
function weighted(values: Float32Array, weights: Float32Array): Float32Array {
  return Float32Array.from(
    { length: values.length / weights.length },
    (_, position) => weights.reduce((sum, weight, c) => sum + weight * values[position * weights.length + c]!, 0),
  );
}

/** Bilinear, with the centres of the corners' cells where those of the map are; the same in every channel. */
export function onPixels(map: PositionMap, [height, width, channels]: readonly [number, number, number]): Float32Array {
  const along = (at: number, size: number, cells: number) => {
    const place = Math.min(cells - 1, Math.max(0, (at + 0.5) * cells / size - 0.5)), low = Math.floor(place);
    return { low, high: Math.min(cells - 1, low + 1), share: place - low };
  };
  const pixels = new Float32Array(height * width * channels);
  for (let i = 0; i < pixels.length; i++) {
    const y = along(Math.floor(i / channels / width), height, map.height);
    const x = along(Math.floor(i / channels) % width, width, map.width);
    const at = (row: number, column: number) => map.values[row * map.width + column]!;
    const top = at(y.low, x.low) * (1 - x.share) + at(y.low, x.high) * x.share;
    const bottom = at(y.high, x.low) * (1 - x.share) + at(y.high, x.high) * x.share;
    pixels[i] = top * (1 - y.share) + bottom * y.share;
  }
  return pixels;
}
