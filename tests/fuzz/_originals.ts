/** The undamaged files that the fuzzer's cases start from. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { parseConfig } from "../../configs/load.ts";
import type { Checkpoint } from "../../training/checkpoint.ts";
import { sha256 } from "../../core/host/safetensors.ts";
import { encodeWhitening } from "../../data/whitening_file.ts";
import { architectureOf } from "../../training/architecture.ts";
import { definitionOf, specsOf } from "../../training/definition.ts";
import { momentsOf } from "../../training/session.ts";

/** What the cases start from, made once. */
export interface Originals {
  readonly folder: string;
  readonly texts: readonly string[];
  /** Of SGD; of AdamW, with normalization and its running statistics; of a network built in code, without training. */
  readonly checkpoints: readonly Checkpoint[];
  /** A small picture in each format. */
  readonly pictures: readonly Uint8Array[];
  readonly whitening: Uint8Array<ArrayBuffer>;
  /** Called with the shaders of a config that was read. */
  readonly onShaders: (shaders: readonly string[]) => Promise<void>;
}

const CONFIGS = ["quickstart", "allcnn-c", "small-cifar10", "base-a", "convpool-b", "resnet-8"];

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

/** What the others have not: kinds of layers, of optimizers and schedules. */
const VARIED = `name: varied
dataset: { name: mnist, trainExamples: 64, testExamples: 32 }
network:
  - { conv: { name: conv1, channels: 4, kernel: [3, 1], padding: same } }
  - batchNorm
  - { activation: { function: gelu } }
  - { averagePool: { kernel: 2, stride: 2 } }
  - residual: { name: block1, layers: [{ conv: { name: conv2, channels: 4, kernel: 3, padding: same } }, { batchNorm: { momentum: 0.2 } }] }
  - { dense: { name: dense1, channels: 10 } }
training:
  epochs: 3
  batch: 16
  optimizer: { adamw: { weightDecay: 0.01 } }
  learningRate: { base: 0.002, warmup: 4, cosine: { final: 0.1 } }
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

/** A checkpoint of a config at a step, every number the same. */
function checkpointOf(text: string): Checkpoint {
  const config = parseConfig(text, "original.yaml"), { specs, saved } = specsOf(config);
  const filled = ([name, { shape }]: readonly [string, { readonly shape: readonly number[] }]) =>
    [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.25) }] as const;
  const moments = momentsOf(config.training).flatMap((moment) =>
    Object.entries(specs).map(([name, spec]) => filled([`${moment}/${name}`, spec]))
  );
  return {
    config,
    progress: { step: 6, epoch: 1, seed: 0, metrics: [4.5, 20, 32, 0], epochSeconds: 0.5 },
    microBatch: null,
    tunings: {},
    scope: "{}",
    shaders: "0",
    whitening: null,
    tensors: Object.fromEntries([...Object.entries(saved).map(filled), ...moments]),
  };
}

/** The same network as if it were built in code, without what training keeps. */
function codedCheckpoint(text: string): Checkpoint {
  const whole = checkpointOf(text), config = parseConfig(text, "original.yaml"), names = specsOf(config).saved;
  const tensors = Object.fromEntries(Object.entries(whole.tensors).filter(([name]) => name in names));
  return {
    ...whole,
    ...architectureOf({ ...definitionOf(config), config: null }),
    config: null,
    progress: null,
    tensors,
  };
}

/** A picture of 12 x 10 pixels in the formats that are read. */
async function smallPictures(): Promise<Uint8Array[]> {
  const pixels = Uint8Array.from({ length: 360 }, (_, i) => (i * 37) % 256);
  const raw = () => sharp(pixels, { raw: { width: 12, height: 10, channels: 3 } });
  const made = [raw().png(), raw().jpeg(), raw().webp(), raw().gif(), raw().tiff(), raw().avif()];
  return await Promise.all(made.map(async (each) => new Uint8Array(await each.toBuffer())));
}

/** Prepares `folder`, which the cases then write into. */
export async function originals(folder: string, onShaders: Originals["onShaders"]): Promise<Originals> {
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
    texts: [TINY, MERGED, VARIED, VARIED, ...CONFIGS.map((name) => readFileSync(`configs/${name}.yaml`, "utf8"))],
    checkpoints: [
      { ...checkpointOf(TINY), whitening: await sha256(whitening) },
      checkpointOf(VARIED),
      codedCheckpoint(VARIED),
    ],
    pictures: await smallPictures(),
    whitening,
    onShaders,
  };
}
