/** What the network makes of one picture: the same code in the browser and on the server, each with its own library. */
import { RULES } from "../core/graph/layer.ts";
import type { Explanation } from "../explain/explain.ts";
import type { FeatureMaps, featureMaps } from "../explain/feature_maps.ts";
import type { explainBy } from "../explain/methods.ts";
import type { pooledLayer, poolModel } from "../explain/pool_model.ts";
import type { Model } from "../training/model.ts";
import type { predict } from "../training/predict.ts";
import type { preprocess } from "../training/preprocess.ts";

/** The functions of the library that are needed. */
export interface Library {
  readonly explainBy: typeof explainBy;
  readonly featureMaps: typeof featureMaps;
  readonly poolModel: typeof poolModel;
  readonly pooledLayer: typeof pooledLayer;
  readonly predict: typeof predict;
  readonly preprocess: typeof preprocess;
}

/** What is looked into. */
export interface Selection {
  readonly layer: string;
  readonly unit: number | "top";
  readonly way: Way;
  /** One of `METHODS`, or the paper's three rules beside one another. */
  readonly method: string;
  /** Are the feature maps of the layer wanted? */
  readonly maps: boolean;
}

/** The method that stands for all three. */
export const THREE_RULES = "rules";

/** How the signal passes pooling and strides; the last replaces strides by max pooling, as the paper does (`poolModel`). */
export const WAYS = ["switches", "no switches", "pooled strides"] as const;
export type Way = typeof WAYS[number];

/** What one method makes of the picture. */
export interface Seen extends Explanation {
  readonly method: string;
}

export interface Look {
  /** Of each class. */
  readonly probabilities: Float32Array;
  /** By the methods that were asked for. */
  readonly seen: readonly Seen[];
  /** Of the layer, if they were wanted. */
  readonly maps: FeatureMaps | null;
}

/** `pixels` are those of one image, 0 ... 255. Throws `UserError` where a method does not fit the layer. */
export async function look(
  { explainBy, featureMaps, poolModel, pooledLayer, predict, preprocess }: Library,
  model: Model,
  pixels: Uint8Array,
  { layer, unit, way, method, maps }: Selection,
): Promise<Look> {
  const image = await preprocess(model, Float32Array.from(pixels)), probabilities = await predict(model, image);
  const seen: Seen[] = [], pooled = way === "pooled strides" ? poolModel(model) : null;
  const switches = way !== "no switches", looked = pooled === null ? layer : pooledLayer(model, layer);
  for (const each of method === THREE_RULES ? RULES : [method]) {
    const [explanation] = await explainBy(pooled ?? model, image, each, { layer: looked, unit, switches });
    seen.push({ method: each, ...explanation! });
  }
  return { probabilities, seen, maps: maps ? (await featureMaps(model, image, layer))[0]! : null };
}
