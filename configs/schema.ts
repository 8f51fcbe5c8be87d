/** What a config may say: the whole of it, with units and ranges. `schema.json` is generated from this file. */
import * as z from "zod";
import { type DatasetConfig, datasetSchema } from "../data/dataset_config.ts";
import type { LayerConfig } from "../layers/layer_kind.ts";
import { networkSchema } from "../layers/network_config.ts";
import { type TrainingConfig, trainingSchema } from "./training_schema.ts";

/** A checked config, defaults filled in. */
export interface Config {
  /** Names the run's folder. */
  readonly name: string;
  /** What it is trained and tested on, and how its images are preprocessed. */
  readonly dataset: DatasetConfig;
  /** Its layers, from the image to the logits. */
  readonly network: readonly LayerConfig[];
  /** What the channels of each convolution but the last are multiplied by, in fours. */
  readonly width?: number | undefined;
  /** Of activations, their gradients and copies of the weights while training; parameters stay float32. */
  readonly precision: "f32" | "f16";
  /** How it is trained. */
  readonly training: TrainingConfig;
  /** Where the paper reports this network, and its test error in percent. */
  readonly paper?: { readonly table: number; readonly testError: number } | undefined;
}

export const precisionSchema: z.ZodType<Config["precision"]> = z.enum(["f32", "f16"]);

/** A zod schema of the whole config; `configSchema.parse` checks a value and fills defaults in. */
export const configSchema: z.ZodType<Config> = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/).describe("Names the run's folder"),
  dataset: datasetSchema,
  network: networkSchema,
  width: z.number().gt(0).max(64).optional().describe(
    "Multiplies the channels of each convolution but the last, in fours; the default is 1",
  ),
  precision: precisionSchema.default("f32").describe(
    "Of activations and their gradients while training: float32, or half precision where the device has it",
  ),
  training: trainingSchema,
  paper: z.strictObject({ table: z.int().min(1), testError: z.number().min(0).max(100) }).optional().describe(
    "Where the paper reports this network, and its test error in percent",
  ),
});
