/** A process that writes the files of a run's folder, for run_folder_test.ts, and prints what each attempt ended with. */
import process from "node:process";
import { parseConfig } from "../../configs/load.ts";
import { saveCheckpoint, startRun } from "../../training/run_folder.ts";
import { writeCurves, writeMetrics } from "../../training/run_records.ts";
import { TEXT } from "../configs/_tiny.ts";

const [folder, floats] = process.argv.slice(2) as [string, string];
const row = { epoch: 1, learningRate: 1, trainLoss: 1, trainError: 1, testLoss: 1, testError: 1, imagesPerSecond: 1 };
const config = parseConfig(TEXT, "tiny.yaml");
const writes = {
  checkpoint: () =>
    saveCheckpoint(folder, {
      config: null,
      progress: null,
      tunings: {},
      scope: "",
      shaders: "",
      microBatch: null,
      whitening: null,
      tensors: { w: { shape: [Number(floats)], data: new Float32Array(Number(floats)).fill(Number(floats)) } },
    }),
  metrics: () => writeMetrics(folder, Array(Number(floats) / 10).fill({ ...row, seconds: 1 })),
  curves: () => writeCurves(folder, "tiny", [{ ...row, seconds: 1 }]),
  whitening: () =>
    startRun(folder, config, {
      mean: new Float32Array(Number(floats)),
      matrix: new Float32Array(Number(floats)),
    }),
};
for (const [name, write] of Object.entries(writes)) {
  const error = await write().then(() => null, (error: Error) => error);
  console.log(`${name}: ${error === null ? "written" : `${error.name}: ${error.message}`}`);
}
