/** What a config may say: the whole of it, with units and ranges. `schema.json` is generated from this file. */
import { z } from "zod";
import { layerSchema } from "../layers/mod.ts";

const preprocessSchema = z.union([
  z.strictObject({
    gcn: z.strictObject({ scale: z.number().gt(0).describe("Norm of each image after global contrast normalization") }),
  }),
  z.strictObject({
    zca: z.strictObject({ epsilon: z.number().gt(0).describe("Added to the eigenvalues of the covariance") }),
  }),
]);

export const augmentSchema = z.strictObject({
  pad: z.int().min(0).max(16).describe("Zeros around the image, in pixels; a random window of its size is taken"),
  flip: z.boolean().describe("Mirror left to right with probability 1/2"),
});

const datasetSchema = z.strictObject({
  name: z.enum(["cifar10", "shapes"]).describe("cifar10: the binary batches; shapes: ten classes, generated"),
  preprocess: z.array(preprocessSchema).default([]).describe("In order, fitted on the training images"),
  augment: augmentSchema.optional().describe("Fresh for each example of each step, after preprocessing"),
  trainExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
  testExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
});

export const trainingSchema = z.strictObject({
  epochs: z.int().min(0),
  batch: z.int().min(1).max(65536).describe("Examples per step"),
  optimizer: z.strictObject({
    sgd: z.strictObject({ momentum: z.number().min(0).lt(1), weightDecay: z.number().min(0) }),
  }),
  learningRate: z.strictObject({
    base: z.number().gt(0),
    factor: z.number().gt(0).lte(1).default(1).describe("Multiplies the rate after each of `epochs`"),
    epochs: z.array(z.int().min(1)).default([]),
  }),
  init: z.strictObject({ heNormal: z.strictObject({}) }).describe("Normal, deviation sqrt(2 / fan-in)"),
  evaluateEvery: z.int().min(1).default(1).describe("Epochs from one evaluation on the test images to the next"),
  checkpointMinutes: z.number().gt(0).default(5).describe("A checkpoint at least this often"),
});

export const configSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/).describe("Names the run's folder"),
  dataset: datasetSchema,
  network: z.array(layerSchema).min(1),
  training: trainingSchema,
  paper: z.strictObject({ table: z.int().min(1), testError: z.number().min(0).max(100) }).optional().describe(
    "Where the paper reports this network, and its test error in percent",
  ),
}).superRefine(({ training, network, dataset }, context) => {
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

/** A checked config, defaults filled in. */
export type Config = z.output<typeof configSchema>;
export type DatasetConfig = Config["dataset"];
