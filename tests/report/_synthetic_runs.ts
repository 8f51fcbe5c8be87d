/** Runs that never were: invented errors, for tests of the tables alone. */
import { mkdirSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { loadConfig } from "../../configs/load.ts";
import type { EpochMetrics } from "../../report/metrics.ts";
import type { TrainedRun } from "../../report/trained_run.ts";

/** Epochs that fall from 90 % to `error`, which the last has exactly. */
export function syntheticRows(epochs: number, error: number, learningRate = 0.05, wobble = 0): EpochMetrics[] {
  return Array.from({ length: epochs }, (_, i) => {
    const left = (epochs - 1 - i) / Math.max(1, epochs - 1), wave = wobble * left * Math.sin(12.9898 * (i + 1));
    const testError = i === epochs - 1 ? error : error + (88 - error) * left ** 8 + 8 * left ** 2 + wave;
    return {
      epoch: i + 1,
      learningRate: learningRate * (left > 0.43 ? 1 : left > 0.28 ? 0.1 : left > 0.14 ? 0.01 : 0.001),
      trainLoss: testError / 40,
      trainError: Math.max(0.5, testError - 5 + 6 * left),
      testLoss: testError / 35,
      testError,
      imagesPerSecond: 1000,
      seconds: 50,
    };
  });
}

/** A finished run of 350 epochs; `changes` says what it is instead. */
export function syntheticRun(config: string, error: number, changes: Partial<TrainedRun> = {}): TrainedRun {
  const { learningRate = 0.05, seed = 0 } = changes;
  return {
    folder: `runs/${config}-${learningRate}-${seed}`,
    config,
    differences: [],
    foreign: false,
    learningRate,
    seed,
    parameters: 1_369_738,
    epochs: 350,
    state: "finished",
    reason: null,
    measures: "test",
    stepRows: [],
    rows: syntheticRows(2, error).map((row, i) => ({ ...row, epoch: 349 + i })),
    ...changes,
  };
}

/** Writes the folder of a run as `allcnn train` does, without a checkpoint. */
export async function writeSyntheticRun(
  folder: string,
  config: string,
  rows: readonly EpochMetrics[],
  settings: readonly string[] = [],
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/config.yaml`, stringify(await loadConfig(`configs/${config}.yaml`, settings)));
  writeFileSync(`${folder}/metrics.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}
