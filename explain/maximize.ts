/** Activation maximization: an image made for a unit, by going up the gradient (Erhan et al. 2009, Simonyan et al. 2014). */
import { normals } from "../core/graph/random.ts";
import { elements } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
import type { Model } from "../training/model.ts";
import { type Explanation, withExplainer } from "./explain.ts";

/** For which unit, and how. */
export interface MaximizeOptions {
  /** The layer that the unit is in, by name: "conv6". */
  readonly layer: string;
  /** The output channel. */
  readonly unit: number;
  /** Steps up the gradient; 64 if left out. */
  readonly steps?: number;
  /** Of the noise that it starts from; 0 if left out. */
  readonly seed?: number;
}

/** The norm of a step, as a share of that of noise with deviation 1; what is left of the image after it; the first noise. */
const RATE = 0.05, KEPT = 0.99, NOISE = 0.1;

/**
 * From faint noise, steps of one length up the gradient, the image shrinking a little at each, so that only what the unit
 * wants lasts. `reconstruction` is the image, preprocessed; unit, position and activation are of that image. Throws
 * `UserError` where layer or unit do not exist, or no pixel changes the activation.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"), { seed: 1 });
 * const { activation } = await maximize(model, { layer: "conv2", unit: 3, steps: 8 });
 * console.log(activation > 0); // true
 * ```
 */
export async function maximize(
  model: Model,
  { layer, unit, steps = 64, seed = 0 }: MaximizeOptions,
): Promise<Explanation> {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new UserError(`steps must be a whole number from 1 on, got ${steps}`);
  }
  const size = elements(model.input);
  return await withExplainer(model, 1, { layer, rule: "gradient" }, async (explainer) => {
    let image = Float32Array.from(normals(size, seed, 0), (value) => NOISE * value);
    for (let step = 0; step < steps; step++) {
      const [{ reconstruction }] = await explainer(image, { unit }) as [Explanation];
      const norm = Math.sqrt(reconstruction.reduce((sum, value) => sum + value * value, 0));
      if (norm === 0) throw new UserError(`Cannot maximize unit ${unit} of layer "${layer}": no pixel changes it`);
      image = image.map((value, i) => KEPT * value + RATE * Math.sqrt(size) * reconstruction[i]! / norm);
    }
    const [found] = await explainer(image, { unit });
    return { ...found!, reconstruction: image };
  });
}
