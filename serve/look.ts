/** What the network makes of one picture: the same code in the browser and on the server, each with its own library. */
import type { Rule } from "../core/graph/layer.ts";
import type { explain, Explanation } from "../explain/explain.ts";
import type { pooledLayer, poolModel } from "../explain/pool_model.ts";
import type { Model } from "../training/model.ts";
import type { predict } from "../training/predict.ts";
import type { preprocess } from "../training/preprocess.ts";

/** The functions of the library that are needed. */
export interface Library {
  readonly explain: typeof explain;
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
}

/** How the signal passes pooling and strides; the last replaces strides by max pooling, as the paper does (`poolModel`). */
export const WAYS = ["switches", "no switches", "pooled strides"] as const;
export type Way = typeof WAYS[number];

/** What one rule makes of the picture. */
export interface Seen extends Explanation {
  readonly rule: Rule;
}

export interface Look {
  /** Of each class. */
  readonly probabilities: Float32Array;
  /** By the rules that were asked for. */
  readonly seen: readonly Seen[];
}

/** `pixels` are those of one image, 0 ... 255. Throws `UserError` as `explain` does. */
export async function look(
  { explain, poolModel, pooledLayer, predict, preprocess }: Library,
  model: Model,
  pixels: Uint8Array,
  { layer, unit, way }: Selection,
  rules: readonly Rule[],
): Promise<Look> {
  const image = await preprocess(model, Float32Array.from(pixels)), probabilities = await predict(model, image);
  const seen: Seen[] = [], pooled = way === "pooled strides" ? poolModel(model) : null;
  const switches = way !== "no switches", looked = pooled === null ? layer : pooledLayer(model, layer);
  for (const rule of rules) {
    const [explanation] = await explain(pooled ?? model, image, { layer: looked, unit, rule, switches });
    seen.push({ rule, ...explanation! });
  }
  return { probabilities, seen };
}
