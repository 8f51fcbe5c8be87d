/** What an activation loses where a square of the image is covered (Zeiler and Fergus 2014, Figure 6). */
import { elements } from "../core/graph/tensor.ts";
import type { Model } from "../training/model.ts";
import { fixedUnits } from "./attributions.ts";
import { type Explanation, withExplainer } from "./explain.ts";
import type { Asked } from "./asked.ts";

/** A square has a quarter of the shorter side; squares overlap by half. */
const SHARE = 4;

/** Where squares begin along a side, the last at its end. */
export function starts(side: number, square: number): number[] {
  const step = Math.max(1, Math.floor(square / 2)), count = Math.ceil((side - square) / step) + 1;
  return Array.from({ length: Math.max(1, count) }, (_, index) => Math.min(index * step, Math.max(0, side - square)));
}

/** At each pixel the mean loss of the squares over it, in every channel. Covered pixels are 0, preprocessed. */
export async function occlusion(
  model: Model,
  images: Float32Array,
  { layer, switches = true, ...options }: Asked,
): Promise<Explanation[]> {
  const [height, width, channels] = model.input, size = elements(model.input), count = images.length / size;
  const square = Math.max(1, Math.floor(Math.min(height, width) / SHARE));
  const squares = starts(height, square).flatMap((top) => starts(width, square).map((left) => [top, left] as const));
  const batch = Math.max(1, Math.min(count, model.batch));
  return await withExplainer(model, batch, { layer, rule: "gradient", switches }, async (explainer) => {
    const seen = await explainer(images, options), fixed = fixedUnits(seen);
    const losses = new Float64Array(images.length), covers = new Float64Array(size);
    for (const [top, left] of squares) {
      const inside = (i: number) => {
        const x = Math.floor(i / channels) % width, y = Math.floor(i / channels / width) % height;
        return y >= top && y < top + square && x >= left && x < left + square;
      };
      const covered = await explainer(images.map((value, i) => inside(i) ? 0 : value), fixed);
      for (let i = 0; i < images.length; i++) {
        const n = Math.floor(i / size);
        if (inside(i)) losses[i]! += seen[n]!.activation - covered[n]!.activation;
        if (n === 0 && inside(i)) covers[i]!++;
      }
    }
    return seen.map((each, n) => ({
      ...each,
      reconstruction: Float32Array.from(covers, (times, i) => losses[n * size + i]! / times),
    }));
  });
}
