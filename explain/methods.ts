/** Ways to ask what in an image a unit responds to: the three rules, and what is built of forward and backward passes. */
import { type Rule, RULES } from "../core/graph/layer.ts";
import { UserError } from "../core/host/errors.ts";
import { didYouMean } from "../core/kinds/nearest.ts";
import { checkImages } from "../data/check_dataset.ts";
import type { Model } from "../training/model.ts";
import { gradientTimesInput, integratedGradients, smoothGrad } from "./attributions.ts";
import { classMap } from "./class_map.ts";
import type { Asked } from "./asked.ts";
import { explain, type Explanation } from "./explain.ts";
import { occlusion } from "./occlusion.ts";

/** A way to explain: a name, what it does in a line, and how. */
export interface Method {
  /** As options and configs say it: "integratedGradients". */
  readonly key: string;
  /** In a few words. */
  readonly about: string;
  /**
   * What its values are: a signal at each value of a pixel, what each of these contributes, or a map, equal in the
   * channels of a pixel.
   */
  readonly of: "signal" | "contribution" | "map";
  /** What they are measured in, where that has a name: "activation lost". */
  readonly unit: string;
  /** One result for each image; its `reconstruction` is of the shape of one image. */
  explain(model: Model, images: Float32Array, asked: Asked): Promise<Explanation[]>;
}

const RULE_ABOUT: Readonly<Record<Rule, string>> = {
  gradient: "the derivative of the activation by each pixel",
  deconvnet: "keeps what is positive on the way back (Zeiler and Fergus 2014)",
  guided: "keeps what is positive on both ways (Springenberg et al. 2015)",
};

const SLOPE = "activation per value of a pixel";

const byRule = (rule: Rule): Method => ({
  key: rule,
  about: RULE_ABOUT[rule],
  of: "signal",
  unit: rule === "gradient" ? SLOPE : "signal",
  explain: (model, images, asked) => explain(model, images, { ...asked, rule }),
});

/** All of them, the rules first. */
export const METHODS: readonly Method[] = [
  ...RULES.map(byRule),
  {
    key: "gradientTimesInput",
    about: "the gradient times the pixels",
    of: "contribution",
    unit: "activation",
    explain: gradientTimesInput,
  },
  {
    key: "smoothGrad",
    about: "the mean gradient of noisy copies (Smilkov et al. 2017)",
    of: "signal",
    unit: SLOPE,
    explain: smoothGrad,
  },
  {
    key: "integratedGradients",
    about: "what each pixel adds on the way from grey to the image (Sundararajan et al. 2017)",
    of: "contribution",
    unit: "activation",
    explain: integratedGradients,
  },
  {
    key: "occlusion",
    about: "what is lost where a square is covered (Zeiler and Fergus 2014)",
    of: "map",
    unit: "activation lost",
    explain: occlusion,
  },
  {
    key: "classMap",
    about: "where its features are: CAM or Grad-CAM (Selvaraju et al. 2017)",
    of: "map",
    unit: "activation",
    explain: classMap,
  },
];

/** The method of that name. Throws `UserError` that lists them. */
export function methodOf(key: string): Method {
  const found = METHODS.find((method) => method.key === key), keys = METHODS.map((method) => method.key);
  if (found !== undefined) return found;
  throw new UserError(`Cannot explain by "${key}": expected one of ${keys.join(", ")}${didYouMean(key, keys)}`);
}

/**
 * As `explain`, by any of `METHODS`. Throws `UserError` where there is no such method, or it does not fit the layer.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"), { seed: 1 });
 * const image = await preprocess(model, generateShapes(1, "test", 1).images);
 * const asked = { layer: "conv2", unit: "top" } as const;
 * const [seen] = await explainBy(model, image, "integratedGradients", asked);
 * console.log(seen!.reconstruction.length); // 3072
 * ```
 */
export async function explainBy(
  model: Model,
  images: Float32Array,
  method: string,
  asked: Asked,
): Promise<Explanation[]> {
  const { explain } = methodOf(method);
  checkImages(images, model.input, "the images to explain");
  return await explain(model, images, asked);
}
