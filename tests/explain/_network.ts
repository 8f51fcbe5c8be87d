/** A small network of every kind of layer, as a config, with parameters and images; on the device and in float64. */
import { parseConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import { closeModel, type Model, openModel } from "../../training/model.ts";
import { gpu, random } from "../_gpu.ts";
import type { Named } from "../_reference_network.ts";
import { writeParams } from "../../training/params.ts";

/** Strided, padded and leaky convolutions and max pooling; images of 12x12 pixels do not divide by all strides. */
const configOf = (network: string): Config =>
  parseConfig(
    `
name: explained
dataset: { name: imageFolder, imageFolder: { shortSide: 12, crop: 12, flip: false } }
network:${network}
training:
  epochs: 1
  batch: 4
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } }
  learningRate: { base: 0.1 }
  init: { heNormal: {} }
`,
    "explained.yaml",
    [],
  );
export const CONFIG: Config = configOf(`
  - { dropout: { rate: 0.2 } }
  - { conv: { name: conv1, channels: 6, kernel: 3, padding: same, activation: relu } }
  - { conv: { name: conv2, channels: 7, kernel: 3, stride: 2, padding: same, activation: relu } }
  - { maxPool: { kernel: 3, stride: 2 } }
  - { conv: { name: conv3, channels: 8, kernel: 3, padding: valid, activation: { leakyRelu: { slope: 0.1 } } } }
  - { conv: { name: conv4, channels: 10, kernel: 1, activation: none } }
  - globalAveragePool`);

/** What the first has not: axes that differ, padding of each side, other poolings and activations, dense layers. */
export const OTHER: Config = configOf(`
  - { conv: { name: conv1, channels: 6, kernel: [3, 5], stride: [2, 1], padding: { top: 1, left: 2, right: 1 } } }
  - { activation: { function: gelu } }
  - { maxPool: { kernel: [2, 3], stride: 2, padding: 1, rounding: down } }
  - { averagePool: { kernel: 2, stride: 1, padding: { top: 1, left: 1 } } }
  - { conv: { name: conv2, channels: 7, kernel: 3, stride: [1, 2], padding: same } }
  - { activation: { function: silu } }
  - { dense: { name: dense1, channels: 9, activation: relu } }
  - { dense: { name: dense2, channels: 10 } }`);

export const SIZE = { height: 12, width: 12, channels: 3 };
export const IMAGES = 3;
export const images: Float64Array = random(IMAGES * 12 * 12 * 3, 5);

/** The model with drawn parameters, biases too, for the time of `body`; the same parameters in float64. */
export async function withModel<T>(
  body: (model: Model, params: Named) => Promise<T>,
  config: Config = CONFIG,
): Promise<T> {
  const opened = await gpu(), context = { ...opened, limits: { ...opened.limits, exact: true } };
  const model = await openModel(context, config);
  const params: Named = Object.fromEntries(
    Object.entries(model.specs).map(([name, { shape }], index) => {
      const values = random(shape.reduce((a, b) => a * b, 1), 20 + index);
      return [name, values.map((value) => Math.fround(name.endsWith("/w") ? value / 3 : value / 10))];
    }),
  );
  try {
    await writeParams(
      model,
      Object.fromEntries(Object.entries(params).map(([name, v]) => [name, Float32Array.from(v)])),
    );
    return await body(model, params);
  } finally {
    closeModel(model);
  }
}
