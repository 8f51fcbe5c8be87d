/** All transforms. To add one, write its file and name it in the list. */
import * as z from "zod";
import { kindList } from "../../core/kinds/kinds.ts";
import { channelMeans } from "./channel_means.ts";
import { gcn, type GcnConfig } from "./gcn.ts";
import { scale, type ScaleConfig } from "./scale.ts";
import type { Applying, Fitted, TransformKind } from "./transform_kind.ts";
import { zca, type ZcaConfig } from "./zca.ts";

/** One entry of `preprocess:`: a kind's key with its options, as `{ scale: { subtract: 128, divide: 128 } }`. */
export type TransformConfig =
  | { readonly gcn: GcnConfig }
  | { readonly zca: ZcaConfig }
  | { readonly channelMeans: readonly number[] }
  | { readonly scale: ScaleConfig };

/** The kinds of these entries: one that the type does not name is an error here. */
type KindsOf<Config> = Config extends unknown
  ? { [Key in keyof Config & string]: TransformKind<Key, Config[Key]> }[keyof Config & string]
  : never;
const KINDS: readonly KindsOf<TransformConfig>[] = [gcn, zca, channelMeans, scale];

const kinds = kindList<TransformKind>("transform", KINDS, {
  schema: "object",
  apply: "function",
  onnx: "function",
  torch: "function",
});

export const transformSchema: z.ZodType<TransformConfig> = z.union(
  KINDS.map(({ key, schema }) => z.strictObject({ [key]: schema })),
) as unknown as z.ZodType<TransformConfig>;

/** What has transforms: the `dataset:` of a config. */
interface Preprocessed {
  readonly preprocess: readonly TransformConfig[];
}

/** Where a config names none, values 0 ... 255 become -1 ... 1. */
const DEFAULT: TransformConfig = { scale: { subtract: 127.5, divide: 127.5 } };

/** The transforms of a data set, in order, each with its kind. */
export function transformsOf({ preprocess }: Preprocessed): { kind: TransformKind; options: unknown }[] {
  return (preprocess.length === 0 ? [DEFAULT] : preprocess).map((config) => {
    const [[key, options]] = Object.entries(config) as [[string, unknown]];
    return { kind: kinds.get(key), options };
  });
}

/** The keys of the transforms that a config names: "gcn and zca"; empty where it names none. */
export function namesOfTransforms({ preprocess }: Preprocessed): string {
  return preprocess.map((config) => Object.keys(config)[0]).join(" and ");
}

/** Is one of the transforms fitted to the training images? */
export function isFitted(dataset: Preprocessed): boolean {
  return transformsOf(dataset).some(({ kind }) => kind.fit !== undefined);
}

/** Applies all transforms, in place. Throws `UserError` where what was fitted is missing or of other images. */
export async function applyTransforms(
  dataset: Preprocessed,
  images: Float32Array<ArrayBuffer>,
  applying: Applying,
): Promise<void> {
  for (const { kind, options } of transformsOf(dataset)) await kind.apply(images, options, applying);
}

/** Sends signals back through the linear parts of all transforms, the last first, in place. Throws as `applyTransforms`. */
export async function undoTransforms(
  dataset: Preprocessed,
  signals: Float32Array<ArrayBuffer>,
  applying: Applying,
): Promise<void> {
  for (const { kind, options } of transformsOf(dataset).reverse()) await kind.undo?.(signals, options, applying);
}

/** Fits the transform that is fitted on raw images, which it changes; null where there is none. */
export async function fitTransforms(
  dataset: Preprocessed,
  images: Float32Array<ArrayBuffer>,
  applying: Omit<Applying, "fitted">,
): Promise<Fitted | null> {
  for (const { kind, options } of transformsOf(dataset)) {
    if (kind.fit !== undefined) return await kind.fit(images, options, applying);
    await kind.apply(images, options, { ...applying, fitted: null });
  }
  return null;
}

/** Is each of the transforms one that knows single pixels, or that treats all channels alike? */
export function areAll(what: "pixels" | "alike", dataset: Preprocessed): boolean {
  return transformsOf(dataset).every(({ kind }) => kind[what] !== undefined);
}

/** The keys of those that are: "channelMeans and scale". */
export function keysOf(what: "pixels" | "alike"): string {
  return [...kinds].filter((kind) => kind[what] !== undefined).map(({ key }) => key).join(" and ");
}

/** What preprocessing does to the value of a pixel: (value - subtract[channel]) / divide. */
export interface ChannelScale {
  readonly subtract: readonly number[];
  readonly divide: number;
}

/** All transforms as one. Throws where one needs whole images (`areAll`). */
export function channelScale(dataset: Preprocessed, channels: number): ChannelScale {
  let scale: ChannelScale = { subtract: Array<number>(channels).fill(0), divide: 1 };
  for (const { kind, options } of transformsOf(dataset)) {
    if (kind.pixels === undefined) throw new Error(`${kind.key} needs whole images`);
    const by = kind.pixels(options), { divide } = scale;
    const of = (channel: number) => typeof by.subtract === "number" ? by.subtract : by.subtract[channel]!;
    scale = {
      subtract: scale.subtract.map((value, channel) => value + divide * of(channel)),
      divide: divide * by.divide,
    };
  }
  return scale;
}
