/** From one unit of a network back to the pixels (paper, section 4 and Figure 1a). */
import { op } from "../core/op.ts";
import { compile, run } from "../core/plan.ts";
import type { Rule } from "../core/layer.ts";
import { elements, type Tensor, tensor } from "../core/tensor.ts";
import { UserError } from "../core/errors.ts";
import { readTensors, writeTensor } from "../core/transfer.ts";
import { checkImages } from "../data/check_dataset.ts";
import { chooseUnit, MOST_ACTIVE, unitMaxima, type UnitProblem, unitSignal } from "../kernels/unit_signal.ts";
import { type Model, withOwnBuffers } from "../training/model.ts";
import { upTo } from "./layer_of.ts";

/** How the signal goes back, whatever unit it starts from. */
export interface Way {
  /** The layer that the unit is in, by name: "conv6". */
  readonly layer: string;
  /** How a ReLU sends the signal back. */
  readonly rule: Rule;
  /** Does max pooling send it to where the maximum was (the default), or spread it evenly over the window? */
  readonly switches?: boolean;
}

/** A unit of the layer, of all images or of each: an output channel or "top", the most active one. */
export interface UnitOptions {
  readonly unit: number | "top" | readonly (number | "top")[];
  /** [y, x] in the layer's output; by default where the unit is the most active. */
  readonly position?: readonly [number, number];
}

/** What the signal from one unit became. */
export interface Explanation {
  /** The output channel. */
  readonly unit: number;
  /** [y, x] in the layer's output. */
  readonly position: readonly [number, number];
  /** What the unit puts out there. */
  readonly activation: number;
  /**
   * The signal at the input, of the shape of one image: by the rule `gradient` the derivative of the activation by
   * each (preprocessed) pixel; by the others an imputed one.
   */
  readonly reconstruction: Float32Array;
}

/**
 * What in an image makes a unit active: runs the network up to the unit's layer, sets its output to 1 at the unit and 0
 * elsewhere, and sends that back to the pixels by one of three rules: `gradient`, `deconvnet` (Zeiler and Fergus
 * 2014), `guided` (Springenberg et al. 2015). One result for each of `images` [count, height, width, channels], which
 * are preprocessed as the training images were. Works for any network of layers, classifier or not; the score of a
 * class is a unit of the last layer. Throws `UserError` where the images do not fit, or layer, unit or position do not
 * exist.
 *
 * @example
 * ```ts
 * const model = await openModel(device, await loadConfig("quickstart"), { seed: 1 });
 * const image = await preprocess(model, generateShapes(1, "test", 1).images);
 * const [seen] = await explain(model, image, { layer: "conv2", unit: "top", rule: "guided" });
 * console.log(seen!.reconstruction.length, seen!.activation > 0); // 3072 true
 * ```
 */
export async function explain(
  model: Model,
  images: Float32Array,
  { unit, position, ...way }: Way & UnitOptions,
): Promise<Explanation[]> {
  const count = checkImages(images, model.input, "the images to explain");
  return await withExplainer(
    model,
    Math.min(count, model.batch),
    way,
    (each) => each(images, { unit, ...at(position) }),
  );
}

const at = (position: UnitOptions["position"]) => position === undefined ? {} : { position };

/** Explains any number of images; what is compiled for one serves all. */
export type Explainer = (images: Float32Array, options: UnitOptions) => Promise<Explanation[]>;

/** Compiles for batches of `batch` images, runs `body` with it, and frees it. Throws as `explain` does. */
export async function withExplainer<T>(
  model: Model,
  batch: number,
  { layer, rule, switches = true }: Way,
  body: (explainer: Explainer) => Promise<T>,
): Promise<T> {
  const network = upTo(model.network, layer);
  return await withOwnBuffers(model, async (own) => {
    const { context, buffers } = own, persistent = { lifetime: "persistent" } as const;
    const x = tensor("x", [Math.max(1, batch), ...own.input], persistent), size = elements(own.input);
    const { ops, y, pullback } = network.forward(own.params.views, x, { mode: "eval", step: own.step });
    const count = y.shape[0]!, channels = y.shape.at(-1)!, width = y.shape.length === 4 ? y.shape[2]! : 1;
    const problem: UnitProblem = { batch: count, channels, positions: elements(y.shape) / count / channels };
    const u32 = { dtype: "u32" } as const, pairs = [count, 2], each = [count, channels];
    const choice = tensor("choice", pairs, { ...u32, ...persistent }), chosen = tensor("chosen", pairs, u32);
    const values = tensor("values", each), positions = tensor("positions", each, u32);
    const activations = tensor("activations", [count]), dy = tensor("dy", y.shape);
    const back = pullback(dy, { rule, grads: null, input: true, switches }), dx = back.dx!;
    const start = [
      op(unitMaxima, problem, { label: "maxima", reads: [y], writes: [values, positions] }),
      op(chooseUnit, problem, {
        label: "choose",
        reads: [y, values, positions, choice],
        writes: [chosen, activations],
      }),
      op(unitSignal, problem, { label: "signal", reads: [chosen], writes: [dy] }),
    ];
    const results: readonly Tensor[] = [chosen, activations, dx];
    const program = { ops: [...ops, ...start, ...back.ops], keep: results };
    const plan = await compile(context, program, own.tuner, buffers);
    const explainer: Explainer = async (images, options) => {
      const total = checkImages(images, own.input, "the images to explain"), found: Explanation[] = [];
      const choices = choicesOf(options, total, { ...problem, width, layer });
      for (let first = 0; first < total; first += count) {
        const rows = new Float32Array(count * size), units = new Uint32Array(2 * count);
        rows.set(images.subarray(first * size, (first + count) * size));
        units.set(choices.subarray(2 * first, 2 * (first + count)));
        await writeTensor(context, buffers, x, rows);
        await writeTensor(context, buffers, choice, units);
        run(context, plan);
        const [where, how, pixels] = await readTensors(context, plan.buffers, results);
        context.check();
        const units32 = new Uint32Array(where!), activation = new Float32Array(how!), all = new Float32Array(pixels!);
        for (let n = 0; n < Math.min(count, total - first); n++) {
          const position = units32[2 * n + 1]!;
          found.push({
            unit: units32[2 * n]!,
            position: [Math.floor(position / width), position % width],
            activation: activation[n]!,
            reconstruction: all.slice(n * size, (n + 1) * size),
          });
        }
      }
      return found;
    };
    try {
      return await body(explainer);
    } finally {
      plan.destroy();
    }
  });
}

/** Unit and position of each image as `chooseUnit` reads them. */
function choicesOf(
  { unit, position }: UnitOptions,
  images: number,
  { channels, positions, width, layer }: UnitProblem & { readonly width: number; readonly layer: string },
): Uint32Array {
  const units = typeof unit === "object" ? unit : Array.from({ length: images }, () => unit);
  if (units.length !== images) throw new UserError(`Cannot explain ${images} images with ${units.length} units`);
  for (const each of units) {
    if (each === "top" || (Number.isInteger(each) && each >= 0 && each < channels)) continue;
    throw new UserError(`Cannot explain unit ${each} of layer "${layer}": it has units 0 to ${channels - 1}, or top`);
  }
  const [y, x] = position ?? [0, 0], height = positions / width;
  if (![y, x].every(Number.isInteger) || y < 0 || x < 0 || y >= height || x >= width) {
    throw new UserError(`Cannot explain position [${y}, ${x}] of layer "${layer}": its output is ${height}x${width}`);
  }
  const where = position === undefined ? MOST_ACTIVE : y * width + x;
  return Uint32Array.from(units.flatMap((each) => [each === "top" ? MOST_ACTIVE : each, where]));
}
