/** What a network out of an ONNX file is as a config: its classes, what its pixels go through, and its layers. */
import { type Config, configSchema } from "../configs/schema.ts";
import { UserError } from "../core/host/errors.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import type { ImageShape } from "../data/dataset.ts";
import type { DatasetConfig } from "../data/dataset_config.ts";
import { classNames, type DatasetName, imageShape } from "../data/datasets/mod.ts";
import type { TransformConfig } from "../data/transforms/mod.ts";
import type { Whitening } from "../data/whitening.ts";
import type { LayerConfig } from "../layers/layer_kind.ts";
import { readEntry } from "../layers/network_config.ts";
import { type ReadNetwork, readOnnx } from "./read_onnx.ts";

/** What an ONNX file does not say. */
export interface OnnxOptions {
  /** [height, width, channels] of its images, where the file leaves them open. */
  readonly input?: ImageShape | undefined;
  /** The names of its classes, in order. */
  readonly classes?: readonly string[] | undefined;
  /** Subtracted from the values of an image, one for each channel or one for all; the default is 0. */
  readonly mean?: readonly number[] | undefined;
  /** What is left is divided by it, one for each channel or one for all; the default is 1. */
  readonly std?: readonly number[] | undefined;
  /** The value of a white pixel before that: 1, the default, as PyTorch's ToTensor has it, or 255. */
  readonly white?: number | undefined;
  /** The data set that it tells apart; the default is a folder of pictures of its size, `imageFolder`. */
  readonly dataset?: DatasetName | undefined;
  /** Pixels that the short side of a picture is scaled to before the middle is cut out; the default is the image's height. */
  readonly shortSide?: number | undefined;
  /** What the network is called; the default is made of `source`. */
  readonly name?: string | undefined;
}

/** A network out of an ONNX file. */
export interface OnnxNetwork {
  /** Null where no data set has images of its shape. */
  readonly config: Config | null;
  readonly name: string;
  readonly layers: readonly LayerConfig[];
  readonly image: ImageShape;
  readonly params: Readonly<Record<string, HostTensor>>;
  readonly whitening: Whitening | null;
  /** What was left out or assumed, a line each. */
  readonly notes: readonly string[];
}

/** How one goes on to train it: small steps. */
const TRAINING = {
  ...{ epochs: 10, batch: 64, optimizer: { sgd: { momentum: 0.9, weightDecay: 0.0001 } } },
  ...{ learningRate: { base: 0.001 }, init: { heNormal: {} } },
};

const equal = (values: readonly number[]) =>
  values.every((value) => Math.abs(value - values[0]!) <= 1e-6 * Math.abs(value));
const rounded = (value: number) => Number(value.toPrecision(9));
const shown = (values: readonly number[]) =>
  (equal(values) ? values.slice(0, 1) : values).map((value) => Number(value.toPrecision(4))).join(", ");

/** (pixel - subtract) / divide of each channel, for pixels 0 ... 255: what the options say, then what the file does. */
function pixelScale({ image: [, , channels], affine }: ReadNetwork, { mean = [0], std = [1], white = 1 }: OnnxOptions) {
  for (const [what, values] of Object.entries({ mean, std })) {
    if (![1, channels].includes(values.length) || !values.every(Number.isFinite)) {
      throw new UserError(
        `Cannot use ${what} ${values.join(",")}: expected a number for each of ${channels} channels, or one`,
      );
    }
  }
  if (!(Math.min(...std) > 0 && white > 0 && Number.isFinite(white))) {
    throw new UserError(`Cannot use std ${std.join(",")} and white ${white}: expected more than 0`);
  }
  return Array.from({ length: channels }, (_, c) => {
    const of = (values: readonly number[]) => values[c % values.length]!, whole = 255 / white, divide = whole * of(std);
    return { subtract: whole * of(mean) + divide * affine.subtract[c]!, divide: divide * affine.divide[c]! };
  });
}

/** Weights whose inputs were divided by `ratio` of their channel less than they should be. */
function dividedBy(ratio: readonly number[], { shape, data }: HostTensor): HostTensor {
  const inside = shape[2]!, out = shape[3]!;
  return { shape, data: data.map((value, i) => value / ratio[Math.floor(i / out) % inside]!) };
}

/** The transforms of a scale of pixels; what they cannot say goes into the weights of the first layer. */
function preprocessing(network: ReadNetwork, options: OnnxOptions) {
  const scale = pixelScale(network, options), subtract = scale.map(({ subtract }) => rounded(subtract));
  const divides = scale.map(({ divide }) => divide), [first] = network.layers.map(readEntry);
  const notes = [`pixels of 0 to 255: minus ${shown(subtract)}, divided by ${shown(divides)}`];
  const divide = rounded(divides.reduce((sum, value) => sum + value, 0) / divides.length),
    params = { ...network.params };
  if (!equal(divides)) {
    const path = `${first!.name}/w`;
    if (!["conv", "dense"].includes(first!.kind.key)) {
      throw new UserError(
        `Cannot divide channels by ${shown(divides)}: only a network that begins with a convolution can`,
      );
    }
    params[path] = dividedBy(divides.map((each) => each / divide), params[path]!);
    notes.push(`the weights of ${first!.name} take over in which the divisors of the channels differ`);
  }
  const preprocess: TransformConfig[] = equal(subtract)
    ? [{ scale: { subtract: subtract[0]!, divide } }]
    : [{ channelMeans: subtract }, { scale: { subtract: 0, divide } }];
  return { preprocess, params, notes };
}

/** The data set whose images the network takes; null where there is none. */
function datasetFor(
  { image, classes, outputs }: ReadNetwork,
  options: OnnxOptions,
): Pick<DatasetConfig, "name" | "imageFolder"> | null {
  const [height, width, channels] = image,
    { dataset: name = "imageFolder", classes: given = classes ?? undefined } = options;
  if (given !== undefined && given.length !== outputs) {
    throw new UserError(`Cannot use ${given.length} names of classes: the network tells ${outputs} apart`);
  }
  if (name === "imageFolder") {
    if (height !== width || channels !== 3 || height > 4096) return null;
    const { shortSide = height } = options, classes = given === undefined ? {} : { classes: given };
    return { name, imageFolder: { shortSide, crop: height, flip: true, ...classes } };
  }
  const shape = imageShape({ name }), names = classNames({ name });
  if (shape.join() !== image.join() || names.length !== outputs) {
    throw new UserError(
      `Cannot use data set ${name}, of ${names.length} classes and ${
        shape.join("x")
      } pixels: the network has ${outputs} and ${image.join("x")}`,
    );
  }
  return { name };
}

/** A config's name of a path: "resnet" of "models/resnet.onnx". */
const nameOf = (source: string) =>
  source.replace(/^.*[/\\]/, "").replace(/\.onnx$/i, "").replace(/[^\w.-]+/g, "-").slice(0, 60) || "network";

/**
 * The network in the bytes of an ONNX file, ready to be opened or saved. Throws `UserError`, naming `source`, where it
 * cannot be read, or `options` do not fit.
 */
export function onnxNetwork(bytes: Uint8Array, source: string, options: OnnxOptions = {}): OnnxNetwork {
  const read = readOnnx(bytes, source, options.input ?? null), { layers, image, whitening } = read;
  const name = options.name ?? nameOf(source), base = { name, layers, image, whitening };
  const config = (dataset: object) => {
    const result = configSchema.safeParse({ name, dataset, network: layers, training: TRAINING });
    if (result.success) return result.data;
    const { path, message } = result.error.issues[0]!;
    throw new UserError(`Cannot read "${source}": as a config, ${path.join(".")}: ${message}`);
  };
  if (read.dataset !== null) { // one of ours
    const own = (["mean", "std", "white", "classes", "dataset", "shortSide"] as const).find((key) =>
      options[key] !== undefined
    );
    if (own !== undefined) {
      throw new UserError(`Cannot use ${own}: "${source}" says itself what its pixels go through, and its classes`);
    }
    const { imageFolder } = read.dataset,
      named = imageFolder === undefined || read.classes === null ? {} : {
        imageFolder: { ...imageFolder, classes: read.classes },
      };
    return { ...base, config: config({ ...read.dataset, ...named }), params: read.params, notes: read.notes };
  }
  const dataset = datasetFor(read, options);
  if (dataset === null) {
    const notes = [
      ...read.notes,
      `no data set has images of ${image.join("x")}: its input is taken as the file takes it`,
    ];
    if (
      !equal([0, ...read.affine.subtract]) || !equal([1, ...read.affine.divide]) ||
      (options.mean ?? options.std) !== undefined
    ) {
      throw new UserError(
        `Cannot read "${source}": images of ${
          image.join("x")
        } are preprocessed; name a data set of such images, as mnist`,
      );
    }
    return { ...base, config: null, params: read.params, notes };
  }
  const { preprocess, params, notes } = preprocessing(read, options);
  return { ...base, config: config({ ...dataset, preprocess }), params, notes: [...read.notes, ...notes] };
}
