import type { ParamSpecs } from "./layer.ts";
import { normals, streamOf } from "./random.ts";
import { elements } from "./tensor.ts";

/** The deviation of the normal distribution that a layer's initial weights are drawn from. */
export type Deviation = (fan: { readonly fanIn: number; readonly fanOut: number }) => number;

/** sqrt(2 / fan-in), or by fan-out (He et al. 2015, arXiv 1502.01852, section 2.2). */
export const heDeviation = (fan: "in" | "out" = "in"): Deviation => ({ fanIn, fanOut }) =>
  Math.sqrt(2 / (fan === "in" ? fanIn : fanOut));

/** sqrt(2 / (fan-in + fan-out)) (Glorot and Bengio 2010, formula 12). */
export const glorotDeviation: Deviation = ({ fanIn, fanOut }) => Math.sqrt(2 / (fanIn + fanOut));

/** Initial parameters with weights of He's deviation by fan-in: see `initialParams`. */
export function heNormal(specs: ParamSpecs, seed: number): Record<string, Float32Array> {
  return initialParams(specs, seed, heDeviation("in"));
}

/**
 * Initial parameters: weights from a normal distribution, biases as their specs say. Each tensor draws from a stream of
 * its own, so adding a layer leaves the others as they were.
 */
export function initialParams(specs: ParamSpecs, seed: number, deviation: Deviation): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, init }]) => {
      const count = elements(shape);
      if ("constant" in init) return [name, new Float32Array(count).fill(init.constant)];
      const factor = deviation(init);
      return [name, Float32Array.from(normals(count, seed, streamOf(name)), (value) => value * factor)];
    }),
  );
}
