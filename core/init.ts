import type { ParamSpecs } from "./layer.ts";
import { normals, streamOf } from "./random.ts";
import { elements } from "./tensor.ts";

/**
 * Initial parameters: weights from a normal distribution of deviation sqrt(2 / fan-in) (He et al. 2015,
 * arXiv 1502.01852), biases as their specs say. Each tensor draws from a stream of its own, so adding a layer leaves
 * the others as they were.
 */
export function heNormal(specs: ParamSpecs, seed: number): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, init }]) => {
      const count = elements(shape);
      if ("constant" in init) return [name, new Float32Array(count).fill(init.constant)];
      const deviation = Math.sqrt(2 / init.fanIn);
      return [name, Float32Array.from(normals(count, seed, streamOf(name)), (value) => value * deviation)];
    }),
  );
}
