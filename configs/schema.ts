/** What a config may say: the whole of it, with units and ranges. `schema.json` is generated from this file. */
import * as z from "zod";
import type { LayerConfig } from "../layers/layer_kind.ts";
import { networkSchema } from "../layers/network_config.ts";
import { type TrainingConfig, trainingSchema } from "./training_schema.ts";

/** A step of preprocessing: contrast normalization to a norm, ZCA whitening, means subtracted, or values scaled. */
export type PreprocessConfig =
  | { readonly gcn: { readonly scale: number } }
  | { readonly zca: { readonly epsilon: number } }
  | { readonly channelMeans: readonly number[] }
  | { readonly scale: { readonly subtract: number; readonly divide: number } };

/** Random windows of an image with `pad` zeros around it, in pixels; `flip` mirrors half of them. */
export interface AugmentConfig {
  readonly pad: number;
  readonly flip: boolean;
}

/** A canvas of `size` x `size` pixels, `background` around the image, which training distorts. */
export interface CanvasConfig {
  readonly size: number;
  readonly background: number;
  readonly distort?: DistortConfig | undefined;
}

/** Ranges and deviations of random distortions (kernels/data/draw_distortions.ts), colours in units of 0 ... 255. */
export interface DistortConfig {
  readonly stretch: number;
  readonly flip: boolean;
  /** A coefficient of shear, or radians. */
  readonly shearOrRotation: number;
  /** Pixels. */
  readonly shift: number;
  readonly color: {
    readonly offset: number;
    readonly contrast: number;
    readonly gradientX: number;
    readonly gradientY: number;
  };
  /** So many epochs at the end are not distorted. */
  readonly lastEpochsPlain: number;
}

/** Pictures of any size: resized until the short side has `shortSide` pixels, then a window of `crop` x `crop`. */
export interface ImageFolderConfig {
  readonly shortSide: number;
  readonly crop: number;
  readonly flip: boolean;
}

/** What `dataset:` of a config says, checked, defaults filled in. */
export interface DatasetConfig {
  readonly name: "cifar10" | "cifar100" | "shapes" | "imageFolder";
  /** Of cifar100 alone: the 100 classes, the default, or the 20 superclasses. */
  readonly labels?: "fine" | "coarse" | undefined;
  readonly imageFolder?: ImageFolderConfig | undefined;
  /** In order, fitted on the training images. */
  readonly preprocess: readonly PreprocessConfig[];
  readonly augment?: AugmentConfig | undefined;
  readonly canvas?: CanvasConfig | undefined;
  /** Use only the first ones. */
  readonly trainExamples?: number | undefined;
  readonly testExamples?: number | undefined;
  /** Leave so many training images, the last, out of training, and evaluate on them instead of the test images. */
  readonly holdOut?: number | undefined;
}

/** A checked config, defaults filled in. */
export interface Config {
  /** Names the run's folder. */
  readonly name: string;
  readonly dataset: DatasetConfig;
  readonly network: readonly LayerConfig[];
  /** What the channels of each convolution but the last are multiplied by, in fours. */
  readonly width?: number | undefined;
  /** Of activations, their gradients and copies of the weights while training; parameters stay float32. */
  readonly precision: "f32" | "f16";
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
  z.strictObject({
    channelMeans: z.array(z.number().min(0).max(255)).length(3).describe("Subtracted from red, green and blue"),
  }),
  z.strictObject({
    scale: z.strictObject({ subtract: z.number().min(-1e6).max(1e6), divide: z.number().min(1e-6).max(1e6) }).describe(
      "(value - subtract) / divide",
    ),
  }),
]);

export const augmentSchema: z.ZodType<AugmentConfig> = z.strictObject({
  pad: z.int().min(0).max(16).describe("Zeros around the image, in pixels; a random window of its size is taken"),
  flip: z.boolean().describe("Mirror left to right with probability 1/2"),
});

const deviation = z.number().min(0).max(1e6);

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

const datasetSchema: z.ZodType<DatasetConfig> = z.strictObject({
  name: z.enum(["cifar10", "cifar100", "shapes", "imageFolder"]).describe(
    "cifar10, cifar100; shapes: ten classes, generated; imageFolder: train/ and val/ with a folder per class",
  ),
  labels: z.enum(["fine", "coarse"]).optional().describe(
    "Of cifar100 alone: fine, the 100 classes, which is the default, or coarse, the 20 superclasses",
  ),
  imageFolder: imageFolderSchema.optional().describe("How the pictures of an imageFolder become images of one size"),
  preprocess: z.array(preprocessSchema).max(8).default([]).describe("In order, fitted on the training images"),
  augment: augmentSchema.optional().describe("Fresh for each example of each step, after preprocessing"),
  canvas: canvasSchema.optional().describe("Images lie on a larger canvas, where they may be distorted"),
  trainExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
  testExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
  holdOut: z.int().min(1).optional().describe(
    "The last so many training images are not trained on, but evaluated on instead of the test images",
  ),
});

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
}).superRefine(({ dataset }, context) => {
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
    if (dataset.holdOut !== undefined) wrong("holdOut", "an imageFolder is too large to hold images out");
    if (!preprocess.every((step) => "scale" in step || "channelMeans" in step)) {
      wrong("preprocess", "an imageFolder, whose pixels the device scales, has only channelMeans and scale");
    }
  } else if (canvas !== undefined) {
    if (augment !== undefined) wrong("augment", "cannot be used with canvas, whose distort has shift and flip");
    if (!preprocess.every((step) => "scale" in step)) {
      wrong("preprocess", "with a canvas, whose colours are those of pixels, only scale is possible");
    }
  }
});
