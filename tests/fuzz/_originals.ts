/** The undamaged files that the fuzzer's cases start from. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseConfig } from "../../configs/load.ts";
import type { Checkpoint } from "../../training/checkpoint.ts";
import { sha256 } from "../../core/host/safetensors.ts";
import { encodeWhitening } from "../../data/whitening_file.ts";
import { parameterSpecs } from "../../training/session.ts";

/** What the cases start from, made once. */
export interface Originals {
  readonly folder: string;
  readonly texts: readonly string[];
  readonly checkpoint: Checkpoint;
  readonly whitening: Uint8Array<ArrayBuffer>;
  /** Called with the shaders of a config that was read. */
  readonly onShaders: (shaders: readonly string[]) => Promise<void>;
}

const CONFIGS = ["quickstart", "allcnn-c", "small-cifar10", "base-a", "convpool-b"];

export const TINY = `name: tiny
dataset: { name: shapes, augment: { pad: 2, flip: true }, trainExamples: 64, testExamples: 32 }
network:
  - { conv: { name: conv1, channels: 4, kernel: 3, stride: 2, padding: same, activation: relu } }
  - { dropout: { rate: 0.2 } }
  - { maxPool: { kernel: 3, stride: 2 } }
  - { conv: { name: conv2, channels: 10, kernel: 1, activation: { leakyRelu: { slope: 0.1 } } } }
  - globalAveragePool
training:
  epochs: 3
  batch: 16
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05, factor: 0.5, epochs: [2] }
  init: { heNormal: {} }
`;

/** The same with anchors, aliases and merges. */
const MERGED = `name: merged
dataset: { name: shapes, trainExamples: 64, testExamples: 32 }
network:
  - conv: &small { name: conv1, channels: 4, kernel: 3, stride: 2, padding: same, activation: relu }
  - conv: { <<: *small, name: conv2 }
  - conv: { <<: [*small], name: conv3, channels: 10 }
  - globalAveragePool
training:
  epochs: &epochs 16
  batch: *epochs
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05, factor: 0.5, epochs: [2] }
  init: { heNormal: {} }
`;

/** Prepares `folder`, which the cases then write into. */
export async function originals(folder: string, onShaders: Originals["onShaders"]): Promise<Originals> {
  const config = parseConfig(TINY, "tiny.yaml"), specs = parameterSpecs(config);
  const tensors = Object.fromEntries(
    Object.entries(specs).flatMap(([name, { shape }]) =>
      [name, `velocity/${name}`].map((key) => [
        key,
        { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.25) },
      ])
    ),
  );
  const size = 3072,
    whitening = await encodeWhitening({
      mean: new Float32Array(size),
      matrix: new Float32Array(size * size),
    });
  mkdirSync(`${folder}/cifar`, { recursive: true });
  const records = new Uint8Array(30_730_000);
  for (const file of ["data_batch_1.bin", "test_batch.bin"]) writeFileSync(`${folder}/cifar/${file}`, records);
  return {
    folder,
    texts: [TINY, MERGED, ...CONFIGS.map((name) => readFileSync(`configs/${name}.yaml`, "utf8"))],
    checkpoint: {
      config,
      progress: { step: 6, epoch: 1, seed: 0, metrics: [4.5, 20, 32, 0], epochSeconds: 0.5 },
      microBatch: null,
      tunings: {},
      scope: "{}",
      shaders: "0",
      whitening: await sha256(whitening),
      tensors,
    },
    whitening,
    onShaders,
  };
}
