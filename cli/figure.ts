/** What the figures of `allcnn visualize` have in common: what they are of, and what they consist of. */
import { UserError } from "../core/host/errors.ts";
import { type Rule, RULES } from "../core/graph/layer.ts";
import type { HostTensor } from "../core/host/safetensors.ts";
import type { Shape } from "../core/graph/tensor.ts";
import { joined } from "../explain/attributions.ts";
import type { Crop } from "../explain/crop.ts";
import type { Explanation } from "../explain/explain.ts";
import { isFitted, namesOfTransforms } from "../data/transforms/mod.ts";
import type { ImageShape } from "../data/dataset.ts";
import { methodOf, METHODS } from "../explain/methods.ts";
import { layerNames, upTo } from "../explain/layer_of.ts";
import type { Rectangle } from "../explain/receptive_field.ts";
import { pixelPicture, type Scale, SCALES, signalPicture } from "../report/signal_picture.ts";
import type { Tile, TileGrid } from "../report/tile_grid.ts";
import type { Model } from "../training/model.ts";
import { signalsToPixels } from "../training/preprocess.ts";
import type { Arguments } from "./arguments.ts";
import type { Trained } from "./open_trained.ts";
import type { ProgressLine } from "./progress.ts";
import type { PictureFile } from "./read_images.ts";

/** What a figure is drawn of. */
export interface Subject extends Trained {
  readonly args: Arguments;
  readonly screen: ProgressLine;
  /** Pictures that are named, or lie in a folder that is. */
  readonly files: readonly PictureFile[];
  readonly scale: Scale;
  readonly split: "train" | "test";
  readonly space: Space;
}

/** Signals are drawn as the network sees pixels, or mapped back to those of the image. */
export const SPACES = ["network", "pixels"] as const;
export type Space = typeof SPACES[number];

/** The space that is asked for. Throws `UserError` where there is only one. */
export function spaceOf(args: Arguments, { model, config }: Trained): Space {
  const space = args.word("space", SPACES) ?? "network";
  if (space === "network" || isFitted(config.dataset)) return space;
  throw new UserError(
    `--space pixels undoes a whitening, and network "${model.network.name}" was trained without: leave it out`,
  );
}

/** Explanations with the signals that are drawn. */
export async function shownSignals(
  { space, model }: Subject,
  explained: readonly Explanation[],
): Promise<readonly Explanation[]> {
  if (space === "network") return explained;
  const signals = await signalsToPixels(model, joined(explained)), size = signals.length / explained.length;
  return explained.map((each, n) => ({ ...each, reconstruction: signals.slice(n * size, (n + 1) * size) }));
}

/** A picture with what is in it. */
export interface Figure {
  /** Of its files, without extension. */
  readonly name: string;
  readonly grid: TileGrid;
  /** A line on each picture, or on each row, for the text file. */
  readonly captions: readonly string[];
  /** Its entry in index.json. */
  readonly index: Readonly<Record<string, unknown>>;
  /** The values of its tiles. */
  readonly raw: Readonly<Record<string, HostTensor>>;
}

/** More rows or tiles would make a picture that no program opens gladly. */
export const MOST = 64;

/** A whole number up to MOST. Throws `UserError`. */
export function countOf(args: Arguments, name: string, otherwise: number): number {
  const value = args.integer(name, 1) ?? otherwise;
  if (value > MOST) throw new UserError(`--${name} expects at most ${MOST}, got ${value}`);
  return value;
}

/** The rules that are asked for. Throws `UserError` on one that does not exist. */
export function rulesOf(args: Arguments, otherwise: Rule | "all"): readonly Rule[] {
  const rule = args.word("rule", [...RULES, "all"]) ?? otherwise;
  return rule === "all" ? RULES : [rule];
}

/** How single images are explained: by `--method`, or by the rules that are asked for. Throws `UserError`. */
export function methodsOf(args: Arguments): readonly string[] {
  const named = args.list("method").flatMap((text) => text.split(",")), all = METHODS.map(({ key }) => key);
  if (named.length === 0) return rulesOf(args, "all");
  if (args.text("rule") !== null) throw new UserError("--rule and --method name two ways to explain: name one");
  const asked = named.flatMap((key) => key === "all" ? all : methodOf(key).key);
  const other = asked.find((key) => methodOf(key).of !== "signal");
  if (other === undefined || args.text("space") !== "pixels") return asked;
  const signals = METHODS.filter(({ of }) => of === "signal").map(({ key }) => key).join(", ");
  throw new UserError(`--space pixels is of signals, which --method ${other} does not give: name some of ${signals}`);
}

/** The layers that are asked for. Throws `UserError` where there are none. */
export function layersOf({ args, model }: Subject): readonly string[] {
  const layers = args.list("layer");
  if (layers.length === 0) {
    throw new UserError(
      `--layer is missing: network "${model.network.name}" has ${layerNames(model.network).join(", ")}`,
    );
  }
  layers.forEach((layer) => upTo(model.network, layer)); // or it says which there are
  return layers;
}

/** The shape [1, height, width, units] of what a layer puts out for one image. */
export function outputOf({ network, input }: Model, layer: string): Shape {
  return upTo(network, layer).init([1, ...input]).output;
}

/** The units that are asked for, by number, or by the name of a class where the layer has one unit for each. */
export function unitsOf({ args, model, classes }: Subject, layer: string): readonly (number | "top")[] {
  const count = outputOf(model, layer).at(-1)!, named = count === classes.length ? classes : [];
  return args.list("unit").map((text) => {
    if (text === "top") return text;
    const unit = /^\d+$/.test(text) ? Number(text) : named.indexOf(text);
    if (unit >= 0 && unit < count) return unit;
    const names = named.length === 0 ? "" : ` (${named.join(", ")})`;
    throw new UserError(`Cannot visualize unit "${text}" of layer "${layer}": it has units 0 to ${count - 1}${names}`);
  });
}

/** "unit 3", or "unit cat" of a layer with one unit for each class. */
export function unitName({ classes, model }: Subject, layer: string, unit: number): string {
  return `unit ${outputOf(model, layer).at(-1) === classes.length ? classes[unit]! : unit}`;
}

/** A crop where it lies in the receptive field; where the field is longer than the image, in the image. */
export function tileOf(crop: Crop, field: Rectangle, [rows, columns]: ImageShape, scale: Scale | "pixels"): Tile {
  const { values, height, width } = crop;
  const picture = scale === "pixels"
    ? pixelPicture(values, { height, width })
    : signalPicture(values, { height, width }, scale);
  const top = field.height < rows ? field.top : 0, left = field.width < columns ? field.left : 0;
  const area = { height: Math.min(rows, field.height), width: Math.min(columns, field.width) };
  return { picture, top: crop.top - top, left: crop.left - left, ...area };
}

/** What a picture's note says of its colours. */
export function colourNotes(subject: Subject): string[] {
  return [[...spaceNotes(subject), SCALES[subject.scale]].join("; ")];
}

/** What a picture's note says of the pixels that its signals are of. */
export function spaceNotes({ config, space }: Subject): string[] {
  if (space === "pixels") return ["signals are mapped back to pixels, through the inverse of the whitening"];
  const transforms = namesOfTransforms(config.dataset);
  return transforms === "" ? [] : [`signals are of pixels after ${transforms}, as the network sees them`];
}

/** A crop as a tensor [height, width, channels]. */
export function rawOf({ values, height, width }: Crop): HostTensor {
  return { shape: [height, width, values.length / height / width], data: values };
}

/** The rectangle alone, as index.json keeps it. */
export const rectangle = ({ top, left, height, width }: Rectangle) => ({ top, left, height, width });
