/** Plans of small configs, and a trainer that only counts. */
import { writeFileSync } from "node:fs";
import type { EpochMetrics } from "../../report/metrics.ts";
import { type PlanOptions, planSweep, type SweepPlan } from "../../sweep/plan.ts";
import type { CellOptions } from "../../sweep/run_cell.ts";
import type { trainRun } from "../../training/run.ts";
import type { RunOptions } from "../../training/run_options.ts";
import { saveCheckpoint, startRun } from "../../training/run_folder.ts";
import { writeMetrics } from "../../training/run_records.ts";

export const RATE = "training.learningRate.base";

const TEXT = (name: string) => `
name: ${name}
dataset: { name: shapes }
network:
  - { conv: { name: conv1, channels: 10, kernel: 3, stride: 4 } }
  - globalAveragePool
training:
  epochs: 3
  batch: 32
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } }
  learningRate: { base: 0.01 }
  init: { heNormal: {} }
`;

/** Plans a sweep of configs of these names, written into `folder`. */
export async function planIn(
  folder: string,
  names: readonly string[],
  options: Partial<PlanOptions> = {},
): Promise<SweepPlan> {
  for (const name of names) writeFileSync(`${folder}/${name}.yaml`, TEXT(name));
  return await planSweep({
    configs: names.map((name) => `${folder}/${name}.yaml`),
    settings: [],
    grids: [`${RATE}=0.1,0.05`],
    seeds: 1,
    protocol: "paper",
    holdOut: 1000,
    ...options,
  });
}

/** An epoch in which test and training error are the same. */
export function epochOf(epoch: number, error: number | null, trainError = error!): EpochMetrics {
  const test = { testLoss: error === null ? null : 1, testError: error };
  return { epoch, learningRate: 0.1, trainLoss: 1, trainError, ...test, imagesPerSecond: 100, seconds: 2 };
}

/** Trains nothing: `errorOf` says how each epoch ends, or throws; what a run leaves in its folder is there. */
export function fakeTrainer(errorOf: (options: RunOptions, epoch: number) => number): typeof trainRun {
  return async (options) => {
    const { config, out, resumed, seed } = options, epochs = config.training.epochs!, rows = [...resumed?.rows ?? []];
    options.onStart();
    await startRun(out, config, null);
    const save = async () =>
      await saveCheckpoint(out, {
        config,
        progress: { step: rows.length, epoch: rows.length, seed, metrics: [0, 0, 0, 0], epochSeconds: 0 },
        tunings: {},
        scope: "",
        shaders: "",
        microBatch: null,
        whitening: null,
        tensors: {},
      });
    while (rows.length < epochs) {
      const row = epochOf(rows.length + 1, errorOf(options, rows.length + 1));
      rows.push(row);
      options.screen.epoch(row, epochs);
      await writeMetrics(out, rows);
      await save();
      if (options.interrupted()) return false;
    }
    return true;
  };
}

/** What a cell is trained with, `train` aside. */
export function cellOptions(out: string, train: typeof trainRun): CellOptions {
  return {
    out,
    train,
    open: () => Promise.reject(new Error("no device here")),
    tuner: () => Promise.reject(new Error("no device here")),
    directory: () => Promise.resolve(null),
    line: () => {},
    report: () => {},
    status: () => {},
    onTraining: () => {},
    interrupted: () => false,
  };
}
