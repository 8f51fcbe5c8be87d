/** What `dataset:` of a config may say, with units and ranges. */
import * as z from "zod";
import type { Distortion } from "../kernels/data/draw_distortions.ts";
import { cropsOf, type DatasetChoice, datasetKinds, imageShape } from "./datasets/mod.ts";
import { areAll, keysOf, type TransformConfig, transformSchema, transformsOf } from "./transforms/mod.ts";

/** Random crops of an image with `pad` zeros around it, in pixels; `flip` mirrors half of them. */
export interface AugmentConfig {
  /** Zeros on each side, in pixels. */
  readonly pad: number;
  /** Mirror left to right with probability 1/2? */
  readonly flip: boolean;
}

/** A canvas of `size` x `size` pixels, `background` around the image, which training distorts. */
export interface CanvasConfig {
  /** Height and width in pixels. */
  readonly size: number;
  /** The value around the image, 0 ... 255. */
  readonly background: number;
  /** How training distorts images, anew at each step; by default it does not. */
  readonly distort?: DistortConfig | undefined;
}

/** Ranges and deviations of random distortions (kernels/data/draw_distortions.ts), colours in units of 0 ... 255. */
export interface DistortConfig extends Distortion {
  /** So many epochs at the end are not distorted. */
  readonly lastEpochsPlain: number;
}

/** What `dataset:` of a config says, checked, defaults filled in. */
export interface DatasetConfig extends DatasetChoice {
  /** In order, fitted on the training images. */
  readonly preprocess: readonly TransformConfig[];
  /** Random crops and mirroring in training, after preprocessing; by default there are none. */
  readonly augment?: AugmentConfig | undefined;
  /** The canvas that images are placed on; by default there is none. */
  readonly canvas?: CanvasConfig | undefined;
  /** Train on so many of the training images, the first ones; by default on all. */
  readonly trainExamples?: number | undefined;
  /** Evaluate on so many of the test images, the first ones; by default on all. */
  readonly testExamples?: number | undefined;
  /** Leave so many training images, the last, out of training, and evaluate on them instead of the test images. */
  readonly holdOut?: number | undefined;
}

export const augmentSchema: z.ZodType<AugmentConfig> = z.strictObject({
  pad: z.int().min(0).max(16).describe("Zeros around the image, in pixels; a random crop of its size is taken"),
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
  size: z.int().min(1).max(1024).describe("Height and width in pixels; the image is in the middle"),
  background: z.number().min(0).max(255).describe("The value around the image"),
  distort: distortSchema.optional().describe("In training, fresh for each example of each step"),
});

/** The keys that are of one data set alone: by key, its schema and the name of the data set. */
const own = [...datasetKinds].flatMap(({ key, schema }) =>
  Object.entries((schema as unknown as z.ZodObject).shape).map(([option, schema]) => ({ name: key, option, schema }))
);

const commonSchema = {
  preprocess: z.array(transformSchema).max(8).default([]).describe("In order, fitted on the training images"),
  augment: augmentSchema.optional().describe("Fresh for each example of each step, after preprocessing"),
  canvas: canvasSchema.optional().describe("Images lie on a larger canvas, where they may be distorted"),
  trainExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
  testExamples: z.int().min(1).optional().describe("Use only the first ones; the default is all"),
  holdOut: z.int().min(1).optional().describe(
    "The last so many training images are not trained on, but evaluated on instead of the test images",
  ),
};

export const datasetSchema: z.ZodType<DatasetConfig> = z.strictObject({
  name: z.enum(datasetKinds.keys as [string, ...string[]]).describe(
    [...datasetKinds].map(({ key, about }) => `${key}: ${about}`).join("; "),
  ),
  ...Object.fromEntries(own.map(({ option, schema }) => [option, (schema as z.ZodType).optional()])),
  ...commonSchema,
}).superRefine((given, context) => {
  const config = given as unknown as DatasetConfig, { name } = config;
  const wrong = (path: readonly (string | number)[], message: string) =>
    context.addIssue({ code: "custom", path: [...path], message });
  const options = given as Record<string, unknown>, mine = own.filter((each) => each.name === name);
  for (const { option, name: other } of own) {
    if (options[option] === undefined || mine.some((each) => each.option === option)) continue;
    return wrong([option], `is for ${other} alone, ${name} has none`);
  }
  for (const { option, schema } of mine) {
    const { error } = z.safeParse(schema, options[option]);
    if (error !== undefined) return wrong([option], error.issues[0]!.message);
  }
  for (const [path, message] of problemsOf(config)) wrong(path, message);
}) as unknown as z.ZodType<DatasetConfig>;

/** What does not fit together in a config whose parts are right. */
function problemsOf(config: DatasetConfig): [path: (string | number)[], message: string][] {
  const { name, preprocess, canvas, augment, holdOut } = config, [height, width, channels] = imageShape(config);
  const problems: [(string | number)[], string][] = [], crops = cropsOf(config) !== null;
  const refuse = (when: boolean, path: (string | number)[], message: string) => when && problems.push([path, message]);
  transformsOf(config).forEach(({ kind: { key, fit, pixels }, options }, index) => {
    const isLast = index >= preprocess.length - 1, values = pixels?.(options).subtract, path = ["preprocess", index];
    refuse(fit !== undefined && !isLast, path, `${key} must be the last one, and the only ${key}`);
    refuse(
      typeof values === "object" && values.length !== channels,
      [...path, key],
      `expected as many numbers as ${name} has channels, ${channels}`,
    );
  });
  if (crops) {
    for (const key of ["augment", "canvas"] as const) {
      refuse(config[key] !== undefined, [key], `an ${name} has crop and flip instead`);
    }
    refuse(holdOut !== undefined, ["holdOut"], `an ${name} is too large to hold images out`);
    const only = `an ${name}, whose pixels the device scales, has only ${keysOf("pixels")}`;
    refuse(!areAll("pixels", config), ["preprocess"], only);
  } else if (canvas !== undefined) {
    const least = Math.max(height, width);
    refuse(canvas.size < least, ["canvas", "size"], `expected >=${least}, height and width of the images`);
    refuse(augment !== undefined, ["augment"], "cannot be used with canvas, whose distort has shift and flip");
    const only = `with a canvas, whose colours are those of pixels, only ${keysOf("alike")} is possible`;
    refuse(!areAll("alike", config), ["preprocess"], only);
  }
  return problems;
}
