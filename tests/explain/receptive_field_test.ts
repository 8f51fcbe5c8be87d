import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Layer, Params } from "../../core/graph/layer.ts";
import { sequential } from "../../layers/sequential.ts";
import { type Buffers, compile, run } from "../../core/device/plan.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { elements, tensor } from "../../core/graph/tensor.ts";
import { readTensor, writeTensor } from "../../core/device/transfer.ts";
import { layerNames, upTo } from "../../explain/layer_of.ts";
import { clip, fieldAt, receptiveField, type Rectangle } from "../../explain/receptive_field.ts";
import { conv } from "../../layers/conv.ts";
import { dropout } from "../../layers/dropout.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { maxPool } from "../../layers/max_pool.ts";
import { gpu } from "../_gpu.ts";

/** Rows and columns differ, strides do not divide them, an even kernel pads unevenly, one sequence lies in another. */
const INPUT = [13, 10, 1] as const;
const block = sequential("block", [
  conv("conv1", { channels: 2, kernel: 4, stride: 2, padding: "same", activation: "relu" }),
  dropout("dropout1", { rate: 0.5 }),
  maxPool("pool1", { kernel: 3, stride: 2 }),
]);
const network = sequential("network", [
  conv("conv0", { channels: 2, kernel: 3, padding: 1, activation: "relu" }),
  block,
  conv("conv2", { channels: 2, kernel: 2, stride: [2, 1], padding: { top: 1 } }),
  globalAveragePool("average"),
]);

/** The outputs [images, height, width, channels] of a layer whose weights are all 1 and biases 0. */
async function outputs(layer: Layer, images: Float32Array<ArrayBuffer>) {
  const context = await gpu(), buffers: Buffers = new Map(), count = images.length / elements(INPUT);
  const persistent = { lifetime: "persistent" } as const, params: Record<string, Params[string]> = {};
  for (const [name, { shape }] of Object.entries(layer.init([count, ...INPUT]).params)) {
    params[name] = tensor(name, shape, persistent);
    await writeTensor(
      context,
      buffers,
      params[name],
      new Float32Array(elements(shape)).fill(name.endsWith("w") ? 1 : 0),
    );
  }
  const x = tensor("x", [count, ...INPUT], persistent), step = tensor("step", [4], { dtype: "u32", ...persistent });
  await writeTensor(context, buffers, x, images);
  const { ops, y } = layer.forward(params, x, { mode: "eval", step, path: "" });
  const plan = await compile(context, { ops, keep: [y] }, defaultTuner({ ...context.limits, exact: true }), buffers);
  run(context, plan);
  const values = await readTensor(context, plan.buffers, y);
  plan.destroy();
  buffers.forEach((buffer) => buffer.destroy());
  return { values, shape: y.shape as readonly [number, number, number, number] };
}

/** Every pixel in turn is raised; the smallest rectangle of pixels that moved the first channel of each unit. */
async function perturbed(layer: Layer): Promise<{ position: [number, number]; seen: Rectangle }[]> {
  const [height, width] = INPUT, pixels = height * width;
  const images = new Float32Array((pixels + 1) * pixels).fill(1); // the last is the plain one
  for (let pixel = 0; pixel < pixels; pixel++) images[pixel * pixels + pixel] = 100;
  const { values, shape: [, rows, columns, channels] } = await outputs(layer, images);
  const unit = (n: number, y: number, x: number) => values[((n * rows + y) * columns + x) * channels]!;
  return Array.from({ length: rows * columns }, (_, i) => {
    const y = Math.floor(i / columns), x = i % columns;
    const moved = Array.from({ length: pixels }, (_, n) => n).filter((n) => unit(n, y, x) !== unit(pixels, y, x));
    const ys = moved.map((n) => Math.floor(n / width)), xs = moved.map((n) => n % width);
    const top = Math.min(...ys), left = Math.min(...xs);
    const seen = { top, left, height: Math.max(...ys) + 1 - top, width: Math.max(...xs) + 1 - left };
    return { position: [y, x], seen };
  });
}

test("layerNames: nested layers come with the name of their sequence, before it", () => {
  const inside = ["block/conv1", "block/dropout1", "block/pool1"];
  assert.equal(layerNames(network), ["conv0", ...inside, "block", "conv2", "average"]);
  assert.equal(layerNames(conv("alone", { channels: 1, kernel: 1 })), ["alone"]);
});

for (const name of layerNames(network)) {
  test(`${name}: no unit sees less or more than its receptive field, pixel by pixel`, async () => {
    const field = receptiveField(network, INPUT, name), units = await perturbed(upTo(network, name));
    assert.ok(units.length > 0);
    for (const { position, seen } of units) {
      assert.equal(clip(fieldAt(field, position), INPUT), seen, `the unit at ${position.join(", ")}`);
    }
  });
}

test("a layer without a window, as one of the user's own, sees its own position; an unknown one is named", () => {
  const own: Layer = { ...conv("own", { channels: 1, kernel: 3, padding: "same" }) };
  delete (own as { window?: unknown }).window;
  const field = receptiveField(sequential("net", [block, own]), INPUT, "own");
  assert.equal(field, receptiveField(sequential("net", [block]), INPUT, "block"));
  assert.throws(
    () => receptiveField(network, INPUT, "block/conv9"),
    /layer "block\/conv9".*, did you mean block\/conv1\? It has conv0, block\/conv1/,
  );
});

test.run();
