/** What the tests of exports export. */
import { parseConfig } from "../../configs/load.ts";
import type { Whitening } from "../../data/whitening.ts";
import type { ImageShape } from "../../data/dataset.ts";
import { random } from "../_gpu.ts";

/** A data set with contrast normalization and whitening. */
export const ZCA = "{ name: cifar10, preprocess: [{ gcn: { scale: 55 } }, { zca: { epsilon: 0.1 } }] }";

/** Every kind of layer, and every kind of padding and activation, for 32x32 images. */
export const EVERYTHING = `
  - { dropout: { rate: 0.2 } }
  - { conv: { name: conv1, channels: 8, kernel: 3, padding: same, activation: relu } }
  - { maxPool: { kernel: 3, stride: 2 } }
  - { conv: { name: logits, channels: 8, kernel: 4, stride: 3, padding: same, activation: { leakyRelu: { slope: 0.1 } } } }
  - { dropout: { rate: 0.5 } }
  - { conv: { name: conv3, channels: 12, kernel: 2, padding: 1, activation: relu } }
  - { maxPool: { kernel: 2, stride: 2 } }
  - { conv: { name: conv4, channels: 10, kernel: 2, padding: valid } }
  - globalAveragePool`;

/** A config of a data set and a network, both as YAML. */
export const configOf = (dataset: string, network: string) =>
  parseConfig(
    `name: tiny
dataset: ${dataset}
network: ${network}
training:
  epochs: 1
  batch: 16
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05 }
  init: { heNormal: {} }
`,
    "tiny.yaml",
  );

/** Something like a fitted whitening: symmetric, with a diagonal that dominates. */
export function whiteningOf([height, width, channels]: ImageShape): Whitening {
  const size = height * width * channels, values = random(size * size, 3);
  const matrix = Float32Array.from(values, (_, i) => {
    const row = Math.floor(i / size), column = i % size;
    return row === column ? 1 : (values[i]! + values[column * size + row]!) / 200;
  });
  return { mean: Float32Array.from(random(size, 4)), matrix };
}
