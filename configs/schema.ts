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
  z.strictObject({
    channelMeans: z.array(z.number().min(0).max(255)).length(3).describe("Subtracted from red, green and blue"),
  }),
  z.strictObject({
    scale: z.strictObject({ subtract: z.number(), divide: z.number().gt(0) }).describe("(value - subtract) / divide"),
  }),
]);

export const augmentSchema = z.strictObject({
  pad: z.int().min(0).max(16).describe("Zeros around the image, in pixels; a random window of its size is taken"),
  flip: z.boolean().describe("Mirror left to right with probability 1/2"),
});

const deviation = z.number().min(0);

const distortSchema = z.strictObject({
  stretch: z.number().min(0).lt(1).describe("Width and height are multiplied by 1 + U(-stretch, stretch) each"),
  flip: z.boolean().describe("Mirror left to right with probability 1/2"),
  shearOrRotation: z.number().min(0).max(1).describe(
    "a: shear along x, along y, or rotation, a third each, by U(-a, a), a coefficient or radians",
  ),
  shift: z.int().min(0).max(1024).describe("Whole pixels in x and y, uniform from -shift to shift"),
  color: z.strictObject({
    offset: deviation.describe("Deviation of what is added, of values 0 ... 255"),
    contrast: deviation.describe("Deviation of the factor of (value - background) that is added"),
    gradientX: deviation.describe("Deviation of what is added per pixel to the right of the centre"),
    gradientY: deviation.describe("Deviation of what is added per pixel below the centre"),
  }).describe("Four normal draws for each channel of each image, on the image alone"),
  lastEpochsPlain: z.int().min(0).default(0).describe("So many epochs at the end are not distorted"),
});

const canvasSchema = z.strictObject({
  size: z.int().min(32).max(1024).describe("Height and width in pixels; the image is in the middle"),
  background: z.number().min(0).max(255).describe("The value around the image"),
  distort: distortSchema.optional().describe("In training, fresh for each example of each step"),
});

const imageFolderSchema = z.strictObject({
  shortSide: z.int().min(1).max(4096).describe("Images are resized until their short side has so many pixels"),
  crop: z.int().min(1).max(4096).describe("Height and width: a random window in training, else the middle"),
  flip: z.boolean().describe("Mirror left to right with probability 1/2, in training"),
});

const datasetSchema = z.strictObject({
  name: z.enum(["cifar10", "cifar100", "shapes", "imageFolder"]).describe(
    "cifar10, cifar100; shapes: ten classes, generated; imageFolder: train/ and val/ with a folder per class",
  ),
  labels: z.enum(["fine", "coarse"]).optional().describe(
    "Of cifar100 alone: fine, the 100 classes, which is the default, or coarse, the 20 superclasses",
  ),
  imageFolder: imageFolderSchema.optional().describe("How the pictures of an imageFolder become images of one size"),
  preprocess: z.array(preprocessSchema).default([]).describe("In order, fitted on the training images"),
  augment: augmentSchema.optional().describe("Fresh for each example of each step, after preprocessing"),
  canvas: canvasSchema.optional().describe("Images lie on a larger canvas, where they may be distorted"),
  trainExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
  testExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
});

export const trainingSchema = z.strictObject({
  epochs: z.int().min(0).optional().describe("How long; with iterations too, what ends first"),
  iterations: z.int().min(1).optional().describe("How long, in steps; the last epoch may be cut short"),
  batch: z.int().min(1).max(65536).describe("Examples per step"),
  optimizer: z.strictObject({
    sgd: z.strictObject({ momentum: z.number().min(0).lt(1), weightDecay: z.number().min(0) }),
  }),
  learningRate: z.strictObject({
    base: z.number().gt(0),
    factor: z.number().gt(0).lte(1).default(1).describe("Multiplies the rate after each of `epochs` and `iterations`"),
    epochs: z.array(z.int().min(1)).default([]),
    iterations: z.array(z.int().min(1)).optional().describe("Counted in steps"),
    decay: z.number().min(0).optional().describe("The rate falls as exp(-decay * epoch), epochs counted from 0"),
  }),
  init: z.strictObject({ heNormal: z.strictObject({}) }).describe("Normal, deviation sqrt(2 / fan-in)"),
  evaluateEvery: z.int().min(1).default(1).describe("Epochs from one evaluation on the test images to the next"),
  checkpointMinutes: z.number().gt(0).default(5).describe("A checkpoint at least this often"),
}).superRefine(({ epochs, iterations }, context) => {
  if (epochs !== undefined || iterations !== undefined) return;
  context.addIssue({ code: "custom", path: ["epochs"], message: "expected a number here or under iterations" });
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
  for (const unit of ["epochs", "iterations"] as const) {
    const boundaries = training.learningRate[unit] ?? [];
    boundaries.forEach((boundary, index) => {
      if (index > 0 && boundary <= boundaries[index - 1]!) {
        const message = `must grow from entry to entry, ${boundaries[index - 1]} is followed by ${boundary}`;
        context.addIssue({ code: "custom", path: ["training", "learningRate", unit, index], message });
      }
    });
  }
  const { name, imageFolder, canvas, augment, preprocess } = dataset;
  const wrong = (key: string, message: string) => context.addIssue({ code: "custom", path: ["dataset", key], message });
  if (name === "imageFolder" && imageFolder === undefined) {
    wrong("imageFolder", "name imageFolder needs shortSide, crop and flip here");
  }
  if (name !== "imageFolder" && imageFolder !== undefined) wrong("imageFolder", `${name} has images of one size`);
  if (imageFolder !== undefined) {
    if (imageFolder.crop > imageFolder.shortSide) wrong("imageFolder", "crop must be at most shortSide");
    if (augment !== undefined) wrong("augment", "an imageFolder has crop and flip instead");
    if (canvas !== undefined) wrong("canvas", "an imageFolder has crop and flip instead");
    if (preprocess.some((step) => "zca" in step)) {
      wrong("preprocess", "the images of an imageFolder are too many for zca");
    }
  } else if (canvas !== undefined) {
    if (augment !== undefined) wrong("augment", "cannot be used with canvas, whose distort has shift and flip");
    if (!preprocess.every((step) => "scale" in step)) {
      wrong("preprocess", "with a canvas, whose colours are those of pixels, only scale is possible");
    }
  }
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
