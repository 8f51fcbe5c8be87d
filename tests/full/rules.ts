/**
 * `npm run test:rules -- RUN_OR_CHECKPOINT [--config FILE] [--images N]`: what section 4 of the paper says of the three
 * rules, in numbers, on a trained network and real test images (ALLCNN_DATA). The signal starts at the score of the
 * class that the network predicts. "With switches" is a max pooling network as it is, or one whose strides are replaced
 * by 2x2 pooling after training; "without" is the latter with strides, the former with signals spread evenly.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { loadConfig } from "../../configs/load.ts";
import { type Rule, RULES } from "../../core/graph/layer.ts";
import { openDevice } from "../../core/device/device.ts";
import { explain } from "../../explain/explain.ts";
import { layerNames } from "../../explain/layer_of.ts";
import { poolModel } from "../../explain/pool_model.ts";
import { leavesOf } from "../../layers/tree.ts";
import type { Model } from "../../training/model.ts";
import { loadModel } from "../../training/model_file.ts";
import { predictLogits } from "../../training/predict.ts";
import { isFitted } from "../../data/transforms/mod.ts";
import { prepare, whiteningFor } from "../../training/preprocess.ts";

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: { config: { type: "string" }, images: { type: "string", default: "64" } },
});
const directory = process.env["ALLCNN_DATA"] ?? null, count = Number(values.images);
if (path === undefined) throw new Error("Name a run or checkpoint");
const context = await openDevice();
let model = await loadModel(context, path, values.config === undefined ? null : await loadConfig(values.config));
const { dataset } = model.config!;
const source = { config: { ...dataset, testExamples: count }, directory };
if (model.whitening === null && isFitted(dataset)) {
  model = { ...model, whitening: await whiteningFor(context, { config: dataset, directory }) };
}
const { images, labels } = await prepare(context, source, "test", model.whitening);
const logits = await predictLogits(model, images), layer = layerNames(model.network).at(-1)!;
const predicted = Array.from({ length: count }, (_, n) => {
  const row = logits.subarray(n * model.classes, (n + 1) * model.classes);
  return row.indexOf(Math.max(...row));
});
const wrong = predicted.filter((each, n) => each !== labels[n]).length;

const pools = leavesOf(model.network).some(({ switches }) => switches);
const variants = { with: pools ? model : poolModel(model), without: model };

type Signal = Float32Array;
const signals = async (variant: Model, rule: Rule, switches: boolean): Promise<Signal[]> =>
  (await explain(variant, images, { layer, unit: predicted, rule, switches })).map((each) => each.reconstruction);

const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

function correlation(a: Signal, b: Signal): number {
  const meanA = mean([...a]), meanB = mean([...b]);
  let ab = 0, aa = 0, bb = 0;
  a.forEach((value, i) => {
    const x = value - meanA, y = b[i]! - meanB;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return ab / Math.sqrt(aa * bb);
}

/** Hoyer's measure: 0 where all values are alike, 1 where a single one is not zero. */
function sparsity(signal: Signal): number {
  const l1 = signal.reduce((sum, value) => sum + Math.abs(value), 0), l2 = Math.hypot(...signal);
  return (Math.sqrt(signal.length) - l1 / l2) / (Math.sqrt(signal.length) - 1);
}

/** Over how large a share of the image the energy spreads: (sum of e)^2 / (pixels * sum of e^2), in percent. */
function area(signal: Signal): number {
  const channels = model.input[2], pixels = signal.length / channels;
  const energy = Array.from(
    { length: pixels },
    (_, p) => signal.subarray(p * channels, (p + 1) * channels).reduce((sum, value) => sum + value ** 2, 0),
  );
  return 100 * mean(energy) ** 2 / mean(energy.map((e) => e ** 2));
}

/** Of signals from one class, image by image: 1 says that they do not depend on the image. */
function betweenImages(signals: readonly Signal[]): number {
  const pairs = predicted.flatMap((each, n) => {
    const next = predicted.indexOf(each, n + 1);
    return next < 0 ? [] : [correlation(signals[n]!, signals[next]!)];
  });
  return mean(pairs);
}

const results: Record<string, { agree: number; sparse: [number, number]; area: [number, number] }> = {};
console.log(`${context.description}; ${count} images, ${wrong} of them predicted wrongly; from layer ${layer}`);
console.log("rule       switches  correlation of the two  of two images  sparsity  area in %");
for (const rule of RULES) {
  const found = [await signals(variants.with, rule, true), await signals(variants.without, rule, false)] as const;
  const agree = mean(found[0].map((signal, n) => correlation(signal, found[1][n]!)));
  const of = (measure: (signal: Signal) => number) => found.map((each) => mean(each.map(measure))) as [number, number];
  results[rule] = { agree, sparse: of(sparsity), area: of(area) };
  found.forEach((each, n) =>
    console.log([
      rule.padEnd(11) + ["with", "without"][n]!.padEnd(8),
      (n === 0 ? agree.toFixed(3) : "").padStart(22),
      betweenImages(each).toFixed(3).padStart(15),
      results[rule]!.sparse[n]!.toFixed(3).padStart(10),
      results[rule]!.area[n]!.toFixed(1).padStart(10),
    ].join(""))
  );
}
const { gradient, deconvnet, guided } = results as Record<Rule, (typeof results)[string]>;
const claims = {
  "guided agrees closely with and without switches (above 0.8)": guided.agree > 0.8,
  "deconvnet does not (below 0.75)": deconvnet.agree < 0.75,
  "guided is the sparsest": [gradient, deconvnet].every(({ sparse }) =>
    sparse.every((each, n) => each < guided.sparse[n]!)
  ),
  "guided is the most local": [gradient, deconvnet].every(({ area }) =>
    area.every((each, n) => each > guided.area[n]!)
  ),
};
for (const [claim, holds] of Object.entries(claims)) console.log(`${holds ? "holds" : "does not hold"}: ${claim}`);
const failed = Object.values(claims).filter((holds) => !holds).length;
console.log(`${Object.keys(claims).length - failed} passed, ${failed} failed`);
context.close();
process.exit(failed === 0 ? 0 : 1);
