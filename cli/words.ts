/** What a user can change, as the options of the commands say it. */
import type { Words } from "../core/host/errors.ts";

export const OPTION_WORDS: Words = {
  setting: (text) => `--set ${text}`,
  smallerBatch: "a smaller batch (--set training.batch=N)",
  learningRate: (base) => `--set training.learningRate.base=${base}`,
  float32: "--set precision=f32",
  namingData: " with --data DIR or ALLCNN_DATA",
  namingConfig: ", as --config allcnn-c",
  folder: "--out",
  run: (folder) => `--resume ${folder}`,
  otherKernels: "--allow-retune goes on with another rounding",
  deviceOptions: "--exact, --safe or --matrix",
};
