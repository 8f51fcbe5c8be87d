/** The work that all peers get: which networks they can build, and the files with equal weights and data. */
import { join } from "node:path";
import type { Config } from "../../configs/schema.ts";
import { initialParams } from "../../learning/initial_values/mod.ts";
import { writeFile } from "../../core/host/files.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import { parameterSpecs } from "../../training/session.ts";
import type { Work } from "./protocol.ts";

/** Small, so that many steps on one batch leave the weights about where they were, and no gradient vanishes. */
const TIMED_RATE = 1e-5;

/** Writes the weights of seed 0 and a batch of generated images, scaled to [-1, 1], into `folder`. */
export async function writeWork(config: Config, folder: string): Promise<Work> {
  const specs = parameterSpecs(config), weights = initialParams(specs, 0), { batch } = config.training;
  const { images, labels } = generateShapes(1, "train", batch);
  const files = { params: join(folder, "params"), images: join(folder, "images"), labels: join(folder, "labels") };
  const params = Object.entries(specs).map(([name, { shape }]) => ({ name, shape }));
  const values = Float32Array.from(params.flatMap(({ name }) => Array.from(weights[name]!)));
  await writeFile(files.params, new Uint8Array(values.buffer));
  await writeFile(files.images, new Uint8Array(images.map((value) => value / 127.5 - 1).buffer));
  await writeFile(files.labels, new Uint8Array(Uint32Array.from(labels).buffer));
  return { config, params, files, timedRate: TIMED_RATE };
}
