/** The patches of images that a unit responds to most, and what in them it responds to (paper, Figure 3). */
import type { Rule } from "../core/graph/layer.ts";
import { placed } from "../data/canvas.ts";
import type { ExamplePixels } from "../training/example_pixels.ts";
import type { ImageShape } from "../data/dataset.ts";
import type { Model } from "../training/model.ts";
import { preprocess } from "../training/preprocess.ts";
import { type Crop, cropOf } from "./crop.ts";
import { type Explainer, type Explanation, withExplainer } from "./explain.ts";
import { clip, fieldAt, receptiveField, type Rectangle } from "./receptive_field.ts";
import type { TopActivation } from "./top_activations.ts";

/** One patch: the part of an example that the unit sees where it is the most active. */
export interface Patch extends TopActivation {
  readonly unit: number;
  /** What the unit sees; parts of it may lie outside of the image. */
  readonly field: Rectangle;
  /** The pixels of the patch, 0 ... 255, less what lies outside of the image. */
  readonly image: Crop;
  /** What each rule sends back to the patch, in the order of the rules. */
  readonly reconstructions: readonly Crop[];
}

/** What is behind a canvas that images are smaller than, in pictures of them: grey. */
const BEHIND = 127.5;

/** Pixels [height, width, channels] of a stored image as the network sees them: in the middle of the canvas, if any. */
export function onCanvas({ canvas, images }: Model, pixels: Float32Array): Float32Array {
  return canvas === null ? pixels : placed(pixels, images, { ...canvas, background: BEHIND });
}

/**
 * The patches behind the lists of `topActivations`, of the units that `lists` has by number. Reads one unit's examples
 * at a time. Throws `UserError` where one cannot be read.
 */
export async function topPatches(
  model: Model,
  lists: ReadonlyMap<number, readonly TopActivation[]>,
  pixels: Pick<ExamplePixels, "read">,
  { layer, rules, shown = (explained) => Promise.resolve(explained), report = () => {} }: {
    readonly layer: string;
    readonly rules: readonly Rule[];
    /** What is cut out of explanations, in place of their signals. */
    readonly shown?: (explained: readonly Explanation[]) => Promise<readonly Explanation[]>;
    readonly report?: (done: number) => void;
  },
): Promise<Patch[][]> {
  const field = receptiveField(model.network, model.input, layer);
  const longest = Math.max(1, ...Array.from(lists.values(), ({ length }) => length));
  return await withExplainers(model, Math.min(longest, model.batch), layer, rules, async (explainers) => {
    const rows: Patch[][] = [];
    for (const [unit, list] of lists) {
      report(rows.length / lists.size);
      const images = await Promise.all(list.map(({ example }) => pixels.read(example)));
      const input = await preprocess(model, joined(images, model.images));
      const explained: (readonly Explanation[])[] = [];
      for (const explainer of explainers) explained.push(await shown(await explainer(input, { unit })));
      rows.push(list.map((top, n) => {
        // Where the rounding of another batch size moved the maximum, the patch is what was explained.
        const { position, activation } = explained[0]![n]!;
        const seen = fieldAt(field, position), part = clip(seen, model.input);
        return {
          ...top,
          position,
          activation,
          unit,
          field: seen,
          image: cropOf(onCanvas(model, images[n]!), model.input, part),
          reconstructions: explained.map((each) => cropOf(each[n]!.reconstruction, model.input, part)),
        };
      }));
    }
    return rows;
  });
}

function joined(images: readonly Float32Array[], [height, width, channels]: ImageShape): Float32Array {
  const size = height * width * channels, all = new Float32Array(images.length * size);
  images.forEach((image, n) => all.set(image, n * size));
  return all;
}

/** Runs `body` with an explainer for each rule. */
async function withExplainers<T>(
  model: Model,
  batch: number,
  layer: string,
  [rule, ...others]: readonly Rule[],
  body: (explainers: readonly Explainer[]) => Promise<T>,
): Promise<T> {
  if (rule === undefined) return await body([]);
  return await withExplainer(
    model,
    batch,
    { layer, rule },
    (explainer) => withExplainers(model, batch, layer, others, (rest) => body([explainer, ...rest])),
  );
}
