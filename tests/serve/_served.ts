/** A run's folder with a small untrained network, and the server that shows it, in this process. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { parseConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import type { Whitening } from "../../data/whitening.ts";
import { isFitted } from "../../data/transforms/mod.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { listen, type Listening } from "../../serve/listen.ts";
import { readPageFiles } from "../../serve/page_files.ts";
import { routesOf } from "../../serve/routes.ts";
import { classNames } from "../../data/datasets/mod.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { saveModel } from "../../training/model_file.ts";
import { inFolder } from "../cli/_run.ts";
import { gpu } from "../_gpu.ts";

/** Strides and pooling, so that all ways back differ. */
export const CONFIG = parseConfig(
  `
name: explored
dataset: { name: shapes }
network:
  - { conv: { name: conv1, channels: 8, kernel: 3, stride: 2, padding: same, activation: relu } }
  - { maxPool: { kernel: 3, stride: 2 } }
  - { conv: { name: conv2, channels: 16, kernel: 3, padding: same, activation: relu } }
  - { conv: { name: conv3, channels: 10, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 3
  batch: 32
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } }
  learningRate: { base: 0.1 }
  init: { heNormal: {} }
`,
  "explored.yaml",
  [],
);

/** The same network on images that go through a whitening. */
export const WHITENED = parseConfig(
  stringify({
    ...CONFIG,
    dataset: { name: "shapes", preprocess: [{ gcn: { scale: 55 } }, { zca: { epsilon: 0.1 } }] },
  }),
  "whitened.yaml",
  [],
);

/** A made-up whitening that a network notices: it is blind to the scale of its images, not to a mean. */
function whiteningOf({ dataset }: Config): Whitening | null {
  if (!isFitted(dataset)) return null;
  const size = 32 * 32 * 3, matrix = new Float32Array(size ** 2);
  for (let i = 0; i < size; i++) matrix[i * size + i] = i % 2 === 0 ? 0.9 : 0.3;
  return { mean: Float32Array.from({ length: size }, (_, i) => 40 * Math.sin(i)), matrix };
}

export const CHECKPOINT = "checkpoint.safetensors";

/** Writes a checkpoint as a training would. */
export async function saveCheckpointOf(
  folder: string,
  seed: number,
  config = CONFIG,
  file = CHECKPOINT,
): Promise<void> {
  const model = await openModel(await gpu(), config, { seed, whitening: whiteningOf(config) });
  await saveModel(model, join(folder, file));
  closeModel(model);
}

/** Serves a new folder while `body` runs. */
export async function withServer(
  body: (server: Listening, folder: string) => Promise<void>,
  config = CONFIG,
  port = 0,
): Promise<void> {
  const context = await gpu();
  await inFolder(async (folder) => {
    writeFileSync(join(folder, "config.yaml"), stringify(config));
    await saveCheckpointOf(folder, 1, config);
    const routes = routesOf({
      context,
      tuner: defaultTuner(context.limits),
      path: folder,
      folder,
      config,
      classes: classNames(config.dataset),
      source: () => Promise.resolve({ config: config.dataset, directory: null }),
      examples: 40,
      asFiles: false,
      searched: "test images",
      files: await readPageFiles("dist"),
      report: () => {},
      line: () => {},
    });
    const warnings: string[] = [], server = await listen(routes, port, (message) => warnings.push(message));
    try {
      await body(server, folder);
    } finally {
      await server.close();
    }
    if (warnings.length > 0) throw new Error(`The server failed: ${warnings.join("; ")}`);
  });
}
