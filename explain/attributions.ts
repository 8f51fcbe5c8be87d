/**
 * Shares of an activation that pixels have, from gradients at several images. Unit and position are chosen once, in the
 * image itself, and kept. Pixels are preprocessed ones, so 0 is the mean where preprocessing subtracts one.
 */
import { normals } from "../core/graph/random.ts";
import type { Model } from "../training/model.ts";
import { elements } from "../core/graph/tensor.ts";
import { type Explainer, type Explanation, type UnitOptions, withExplainer } from "./explain.ts";
import type { Asked } from "./asked.ts";

/** The gradients of the units that `seen` names, at other images. */
type Gradients = (images: Float32Array) => Promise<Explanation[]>;

/** Explains by gradients: `body` turns those at the images into what is asked for, pixel by pixel. */
export async function fromGradients(
  model: Model,
  images: Float32Array,
  { layer, switches = true, ...options }: Asked,
  body: (seen: readonly Explanation[], gradients: Gradients) => Promise<Float32Array>,
): Promise<Explanation[]> {
  const size = elements(model.input), batch = Math.max(1, Math.min(images.length / size, model.batch));
  return await withExplainer(model, batch, { layer, rule: "gradient", switches }, async (explainer: Explainer) => {
    const seen = await explainer(images, options), fixed = fixedUnits(seen);
    const values = await body(seen, (others) => explainer(others, fixed));
    return seen.map((each, n) => ({ ...each, reconstruction: values.slice(n * size, (n + 1) * size) }));
  });
}

/** Unit and position of each explanation, to be asked for again. */
export const fixedUnits = (seen: readonly Explanation[]): UnitOptions => ({
  unit: seen.map(({ unit }) => unit),
  position: seen.map(({ position }) => position),
});

/** The signals of all images one behind the other. */
export function joined(explanations: readonly Explanation[]): Float32Array {
  const size = explanations[0]?.reconstruction.length ?? 0, all = new Float32Array(size * explanations.length);
  explanations.forEach(({ reconstruction }, n) => all.set(reconstruction, n * size));
  return all;
}

export const gradientTimesInput = (model: Model, images: Float32Array, asked: Asked): Promise<Explanation[]> =>
  fromGradients(model, images, asked, (seen) => Promise.resolve(joined(seen).map((value, i) => value * images[i]!)));

/** The mean of what `gradients` finds at `count` images, the k-th of which `at` makes. */
async function meanGradient(
  gradients: Gradients,
  count: number,
  at: (k: number) => Float32Array,
): Promise<Float64Array> {
  let sum = new Float64Array();
  for (let k = 0; k < count; k++) {
    const found = joined(await gradients(at(k)));
    if (k === 0) sum = new Float64Array(found.length);
    found.forEach((value, i) => sum[i]! += value / count);
  }
  return sum;
}

/** Noisy copies, and their noise as a share of the range of an image's values: the paper advises 10 to 20 %. */
const COPIES = 16, NOISE = 0.15;

export const smoothGrad = (model: Model, images: Float32Array, asked: Asked): Promise<Explanation[]> =>
  fromGradients(model, images, asked, async (_seen, gradients) => {
    const size = elements(model.input), deviations = deviationsOf(images, size);
    return Float32Array.from(
      await meanGradient(gradients, COPIES, (k) => {
        const noise = normals(images.length, k, 0);
        return images.map((value, i) => value + deviations[Math.floor(i / size)]! * noise[i]!);
      }),
    );
  });

/** Of each image, the standard deviation of its noise. */
function deviationsOf(images: Float32Array, size: number): number[] {
  return Array.from({ length: images.length / size }, (_, n) => {
    let low = Infinity, high = -Infinity;
    for (const value of images.subarray(n * size, (n + 1) * size)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    return NOISE * (high - low);
  });
}

/** Steps from 0 to the image; the sum of the contributions then misses the difference of the activations by little. */
const STEPS = 64;

/** At the middle of each step. The contributions add up to the activation less that of an image of zeros. */
export const integratedGradients = (model: Model, images: Float32Array, asked: Asked): Promise<Explanation[]> =>
  fromGradients(model, images, asked, async (_seen, gradients) => {
    const mean = await meanGradient(gradients, STEPS, (k) => images.map((value) => value * (k + 0.5) / STEPS));
    return Float32Array.from(mean, (value, i) => value * images[i]!);
  });
