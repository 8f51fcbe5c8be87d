/** The figure of single images: what in each activates a unit, by each rule, with and without switches (Figures 4-6). */
import { UserError } from "../core/host/errors.ts";
import type { Explanation } from "../explain/explain.ts";
import { explainBy } from "../explain/methods.ts";
import { upTo } from "../explain/layer_of.ts";
import { isStrided, pooledLayer, poolModel } from "../explain/pool_model.ts";
import { leavesOf } from "../layers/tree.ts";
import type { Model } from "../training/model.ts";
import { predict } from "../training/predict.ts";
import { preprocess } from "../training/preprocess.ts";
import { type Figure, layersOf, methodsOf, shownSignals, type Subject, unitsOf } from "./figure.ts";
import { explainedFigure, type Variant } from "./figure_explained.ts";
import { type Given, givenImages } from "./given_images.ts";

export async function imageFigures(subject: Subject): Promise<Figure[]> {
  const { args, model, screen } = subject, methods = methodsOf(args), layers = layersOf(subject);
  const units = layers.map((layer) => unitsOf(subject, layer));
  if (args.list("unit").length > 1) throw new UserError("--unit names one unit where images are given, got several");
  const given = await givenImages(subject);
  if (given.length === 0) throw new UserError("None of the images could be read");
  const pixels = new Float32Array(given.reduce((sum, { pixels }) => sum + pixels.length, 0));
  given.forEach((each, n) => pixels.set(each.pixels, n * each.pixels.length));
  const input = await preprocess(model, pixels), figures: Figure[] = [];
  const said = predictionsOf(subject, given, await predict(model, input));
  for (const [index, layer] of layers.entries()) {
    const variants = variantsOf(model, layer), explained: (readonly Explanation[])[] = [];
    let chosen: number | "top" | number[] = units[index]![0] ?? "top"; // from the first on, the unit is the same for all
    for (const [n, { method, variant }] of pairs(methods, variants).entries()) {
      screen.report(`Explaining ${layer}`, n / methods.length / variants.length);
      const { switches, layer: name } = variant;
      const found = await explainBy(variant.model, input, method, { layer: name, unit: chosen, switches });
      explained.push(await shownSignals(subject, found));
      chosen = explained[0]!.map(({ unit }) => unit);
    }
    figures.push(explainedFigure(subject, { layer, methods, variants, said }, given, explained));
  }
  return figures;
}

/** "true airplane, predicted ship, 83 %" of each image, as far as it is known. */
function predictionsOf({ classes }: Subject, given: readonly Given[], probabilities: Float32Array): readonly string[] {
  return given.map(({ label }, n) => {
    const own = probabilities.subarray(n * classes.length, (n + 1) * classes.length);
    const best = own.reduce((best, value, i) => value > own[best]! ? i : best, 0);
    return `${label === null ? "" : `true ${label}, `}predicted ${classes[best]}, ${(100 * own[best]!).toFixed(0)} %`;
  });
}

const pairs = (methods: readonly string[], variants: readonly Variant[]) =>
  variants.flatMap((variant) => methods.map((method) => ({ method, variant })));

/** With max pooling below the layer, with switches and without; with strides below it, these as max pooling too. */
function variantsOf(model: Model, layer: string): Variant[] {
  const below = leavesOf(upTo(model.network, layer));
  const pools = below.some(({ switches }) => switches), own = { model, layer };
  const trained = pools
    ? [{ ...own, name: "with switches", switches: true }, {
      ...own,
      name: "without switches, spread evenly",
      switches: false,
    }]
    : [{ ...own, name: "as trained", switches: true }];
  if (!below.some(isStrided)) return trained;
  const pooled = { model: poolModel(model), layer: pooledLayer(model, layer) };
  return [...trained, { ...pooled, name: "strides as max pooling, with switches", switches: true }];
}
