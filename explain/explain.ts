/** From one unit of a network back to the pixels (paper, section 4 and Figure 1a). */
import { compile, type Plan } from "../core/device/plan.ts";
import { runAndRead } from "../core/device/run_plans.ts";
import { type Rule, RULES } from "../core/graph/layer.ts";
import { elements, type Tensor, tensor } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { checkImages } from "../data/check_dataset.ts";
import { MOST_ACTIVE } from "../kernels/explain/unit_signal.ts";
import { type Model, withOwnBuffers } from "../training/model.ts";
import { valuesOf } from "../core/graph/program.ts";
import { type ExplainProgram, explainProgram } from "./explain_program.ts";
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
  /** The output channel, or one for each image; "top" is the channel that is the most active. */
  readonly unit: number | "top" | readonly (number | "top")[];
  /** [y, x] in the layer's output, or one for each image; by default where the unit is the most active. */
  readonly position?: readonly [number, number] | readonly (readonly [number, number])[];
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
  const count = checkImages(images, model.input, "the images to explain"), batch = Math.min(count, model.batch);
  const options = position === undefined ? { unit } : { unit, position };
  return await withExplainer(model, Math.max(1, batch), way, (explainer) => explainer(images, options));
}

/** Explains any number of images; what is compiled for one serves all. */
export type Explainer = (images: Float32Array, options: UnitOptions) => Promise<Explanation[]>;

/** Compiles for batches of `batch` images, runs `body` with it, and frees it. Throws as `explain` does. */
export async function withExplainer<T>(
  model: Model,
  batch: number,
  { layer, rule, switches = true }: Way,
  body: (explainer: Explainer) => Promise<T>,
): Promise<T> {
  if (!RULES.includes(rule)) throw new UserError(`Cannot explain by rule "${rule}": expected ${RULES.join(", ")}`);
  const network = upTo(model.network, layer);
  return await withOwnBuffers(model, async (own) => {
    const x = tensor("x", [batch, ...own.input], { lifetime: "persistent" });
    const program = explainProgram(network, { params: valuesOf(own), step: own.step, x }, { rule, switches });
    const plan = await compile(own.context, program, own.tuner, own.buffers);
    try {
      return await body(async (images, options) => {
        const count = checkImages(images, own.input, "the images to explain"), found: Explanation[] = [];
        const choices = choicesOf(options, count, { ...program, layer });
        for (let first = 0; first < count; first += batch) {
          const rows = await explainBatch(own, { plan, x, program }, images, choices, first);
          found.push(...rows.slice(0, count - first));
        }
        return found;
      });
    } finally {
      plan.destroy();
    }
  });
}

/** The explanations of the batch that starts with image `first`; what is missing to a whole batch is black. */
async function explainBatch(
  { context, buffers, input }: Model,
  { plan, x, program }: { readonly plan: Plan; readonly x: Tensor; readonly program: ExplainProgram },
  images: Float32Array,
  choices: Uint32Array,
  first: number,
): Promise<Explanation[]> {
  const { choice, results, width } = program, batch = x.shape[0]!, size = elements(input);
  const rows = new Float32Array(batch * size), units = new Uint32Array(2 * batch);
  rows.set(images.subarray(first * size, (first + batch) * size));
  units.set(choices.subarray(2 * first, 2 * (first + batch)));
  await writeTensor(context, buffers, x, rows);
  await writeTensor(context, buffers, choice, units);
  const [pairs, numbers, pixels] = await runAndRead(context, plan, results);
  const chosen = new Uint32Array(pairs!), activations = new Float32Array(numbers!), dx = new Float32Array(pixels!);
  if (![activations, dx].every((values) => values.every(Number.isFinite))) {
    throw new UserError("Cannot explain with this network: it puts out values that are no numbers");
  }
  return Array.from({ length: batch }, (_, n) => ({
    unit: chosen[2 * n]!,
    position: [Math.floor(chosen[2 * n + 1]! / width), chosen[2 * n + 1]! % width],
    activation: activations[n]!,
    reconstruction: dx.slice(n * size, (n + 1) * size),
  }));
}

/** Unit and position of each image as `chooseUnit` reads them. */
function choicesOf(
  { unit, position }: UnitOptions,
  images: number,
  { problem: { channels, positions }, width, layer }: ExplainProgram & { readonly layer: string },
): Uint32Array {
  const units = typeof unit === "object" ? unit : Array.from({ length: images }, () => unit);
  if (units.length !== images) throw new UserError(`Cannot explain ${images} images with ${units.length} units`);
  for (const each of units) {
    if (each === "top" || (Number.isInteger(each) && each >= 0 && each < channels)) continue;
    throw new UserError(`Cannot explain unit ${each} of layer "${layer}": it has units 0 to ${channels - 1}, or top`);
  }
  const height = positions / width, each = position === undefined ? [] : pairsOf(position, images);
  if (each.length > 0 && each.length !== images) {
    throw new UserError(`Cannot explain ${images} images with ${each.length} positions`);
  }
  for (const [y, x] of each) {
    if ([y, x].every(Number.isInteger) && y >= 0 && x >= 0 && y < height && x < width) continue;
    throw new UserError(`Cannot explain position [${y}, ${x}] of layer "${layer}": its output is ${height}x${width}`);
  }
  const where = (n: number) => position === undefined ? MOST_ACTIVE : each[n]![0] * width + each[n]![1];
  return Uint32Array.from(units.flatMap((unit, n) => [unit === "top" ? MOST_ACTIVE : unit, where(n)]));
}

type Position = readonly [number, number];

/** The position of each image. */
function pairsOf(position: NonNullable<UnitOptions["position"]>, images: number): readonly Position[] {
  const isOne = position.length === 2 && position.every((each) => typeof each === "number");
  return isOne ? Array.from({ length: images }, () => position as Position) : position as readonly Position[];
}
