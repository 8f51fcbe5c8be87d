/** What a config may say: the whole of it, with units and ranges. `schema.json` is generated from this file. */
import * as z from "zod";
import { type LayerConfig, layerSchema } from "../layers/mod.ts";
import type { Optional } from "../layers/optional.ts";

/** A step of preprocessing: global contrast normalization to a norm, or ZCA whitening. */
export type PreprocessConfig =
  | { readonly gcn: { readonly scale: number } }
  | { readonly zca: { readonly epsilon: number } };

/** Random windows of an image with `pad` zeros around it, in pixels; `flip` mirrors half of them. */
export interface AugmentConfig {
  readonly pad: number;
  readonly flip: boolean;
}

/** What `dataset:` of a config says, checked, defaults filled in. */
export interface DatasetConfig {
  readonly name: "cifar10" | "cifar100" | "shapes";
  /** Of cifar100 alone: the 100 classes, the default, or the 20 superclasses. */
  readonly labels?: "fine" | "coarse" | undefined;
  /** In order, fitted on the training images. */
  readonly preprocess: readonly PreprocessConfig[];
  readonly augment?: AugmentConfig | undefined;
  /** Use only the first ones. */
  readonly trainExamples?: number | undefined;
  readonly testExamples?: number | undefined;
  /** Leave so many training images, the last, out of training, and evaluate on them instead of the test images. */
  readonly holdOut?: number | undefined;
}

/** What `training:` of a config says, checked, defaults filled in. */
export interface TrainingConfig {
  readonly epochs: number;
  /** Examples per step. */
  readonly batch: number;
  readonly optimizer: { readonly sgd: { readonly momentum: number; readonly weightDecay: number } };
  readonly learningRate: LearningRateConfig;
  /** Normal, deviation sqrt(2 / fan-in). */
  readonly init: { readonly heNormal: Readonly<Record<string, never>> };
  /** Epochs from one evaluation on the test images to the next. */
  readonly evaluateEvery: number;
  readonly checkpointMinutes: number;
}

/** `base`, multiplied by `factor` after each of `epochs`. */
export interface LearningRateConfig {
  readonly base: number;
  readonly factor: number;
  readonly epochs: readonly number[];
}

/** `TrainingConfig` as it is written: rates without a schedule stay the same, and there are defaults for the rest. */
export type TrainingOptions =
  & Optional<Omit<TrainingConfig, "learningRate">, "evaluateEvery" | "checkpointMinutes">
  & { readonly learningRate: Optional<LearningRateConfig, "factor" | "epochs"> };

/** A checked config, defaults filled in. */
export interface Config {
  /** Names the run's folder. */
  readonly name: string;
  readonly dataset: DatasetConfig;
  readonly network: readonly LayerConfig[];
  readonly training: TrainingConfig;
  /** Where the paper reports this network, and its test error in percent. */
  readonly paper?: { readonly table: number; readonly testError: number } | undefined;
}

const preprocessSchema: z.ZodType<PreprocessConfig> = z.union([
  z.strictObject({
    gcn: z.strictObject({
      scale: z.number().gt(0).max(1e6).describe("Norm of each image after global contrast normalization"),
    }),
  }),
  z.strictObject({
    zca: z.strictObject({
      epsilon: z.number().min(1e-8).max(1e6).describe("Added to the eigenvalues of the covariance"),
    }),
  }),
]);

export const augmentSchema: z.ZodType<AugmentConfig> = z.strictObject({
  pad: z.int().min(0).max(16).describe("Zeros around the image, in pixels; a random window of its size is taken"),
  flip: z.boolean().describe("Mirror left to right with probability 1/2"),
});

const datasetSchema: z.ZodType<DatasetConfig> = z.strictObject({
  name: z.enum(["cifar10", "cifar100", "shapes"]).describe("cifar10, cifar100; shapes: ten classes, generated"),
  labels: z.enum(["fine", "coarse"]).optional().describe(
    "Of cifar100 alone: fine, the 100 classes, which is the default, or coarse, the 20 superclasses",
  ),
  preprocess: z.array(preprocessSchema).max(8).default([]).describe("In order, fitted on the training images"),
  augment: augmentSchema.optional().describe("Fresh for each example of each step, after preprocessing"),
  trainExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
  testExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
  holdOut: z.int().min(1).optional().describe(
    "The last so many training images are not trained on, but evaluated on instead of the test images",
  ),
});

export const trainingSchema: z.ZodType<TrainingConfig, TrainingOptions> = z.strictObject({
  epochs: z.int().min(0),
  batch: z.int().min(1).max(65536).describe("Examples per step"),
  optimizer: z.strictObject({
    sgd: z.strictObject({ momentum: z.number().min(0).lt(1), weightDecay: z.number().min(0).max(1) }),
  }),
  learningRate: z.strictObject({
    base: z.number().gt(0).max(1e30),
    factor: z.number().gt(0).lte(1).default(1).describe("Multiplies the rate after each of `epochs`"),
    epochs: z.array(z.int().min(1)).default([]),
  }),
  init: z.strictObject({ heNormal: z.strictObject({}) }).describe("Normal, deviation sqrt(2 / fan-in)"),
  evaluateEvery: z.int().min(1).default(1).describe("Epochs from one evaluation on the test images to the next"),
  checkpointMinutes: z.number().gt(0).default(5).describe("A checkpoint at least this often"),
});

/** A zod schema of the whole config; `configSchema.parse` checks a value and fills defaults in. */
export const configSchema: z.ZodType<Config> = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/).describe("Names the run's folder"),
  dataset: datasetSchema,
  network: z.array(layerSchema).min(1).max(1000),
  training: trainingSchema,
  paper: z.strictObject({ table: z.int().min(1), testError: z.number().min(0).max(100) }).optional().describe(
    "Where the paper reports this network, and its test error in percent",
  ),
}).superRefine(({ training, network, dataset }, context) => {
  if (dataset.labels !== undefined && dataset.name !== "cifar100") {
    const message = `only cifar100 has a choice of labels, ${dataset.name} has none`;
    context.addIssue({ code: "custom", path: ["dataset", "labels"], message });
  }
  dataset.preprocess.forEach((step, index) => {
    if ("zca" in step && index < dataset.preprocess.length - 1) {
      const message = "zca must be the last step, and the only zca";
      context.addIssue({ code: "custom", path: ["dataset", "preprocess", index], message });
    }
  });
  const { epochs } = training.learningRate;
  epochs.forEach((epoch, index) => {
    if (index > 0 && epoch <= epochs[index - 1]!) {
      const message = `must grow from entry to entry, ${epochs[index - 1]} is followed by ${epoch}`;
      context.addIssue({ code: "custom", path: ["training", "learningRate", "epochs", index], message });
    }
  });
  const names = network.map((layer) => typeof layer === "object" && "conv" in layer ? layer.conv.name : null);
  names.forEach((name, index) => {
    if (name !== null && names.indexOf(name) < index) {
      const message = `"${name}" names two layers, rename one`;
      context.addIssue({ code: "custom", path: ["network", index, "conv", "name"], message });
    }
  });
});
