/**
 * What a family is: one way to compute the matrix products that a convolution and its gradients are made of, by how a
 * workgroup tiles, stages and sums them. Each has a loader for products of pixels (operands/pixel_product.ts), with all
 * epilogues, and one for weight gradients (operands/weight_gradient.ts).
 *
 * Their inner loops are two texts, but on matrix units: channels lie side by side in memory, and are the inner dimension
 * of the one, so a vector is four steps of it, but rows of the other, so a vector is four rows.
 */
import type { ConvProblem } from "../conv_problem.ts";
import type { FloatType } from "../../dtype.ts";
import type { ProductShape } from "../estimate.ts";
import type { PixelProduct } from "../operands/pixel_product.ts";
import type { Limits, Shader } from "../../kernel.ts";

/** A tuning, as it is recorded: the key of its family, and what that needs to know. */
export interface ConvTuning {
  /** The key of its method: that of a family, for a product alone, or "winograd" around one (method.ts). */
  readonly family: string;
  /** Of a weight gradient: the shares of the pixels that are summed apart. */
  readonly parts?: number;
}

/** That of a weight gradient, which is summed in so many shares. */
export interface WeightTuning extends ConvTuning {
  readonly parts: number;
}

/** What decides which tunings there are, beside the device. */
export interface Channels {
  readonly input: number;
  readonly output: number;
  readonly dtype: FloatType;
}

export interface Family<Product extends ConvTuning = ConvTuning, Weight extends WeightTuning = WeightTuning> {
  readonly key: string;
  /**
   * May it be a default, unmeasured? Its results must have been checked by executing it on some device, for which one in
   * software will do, and its estimate must stand on something. It says nothing of speed: no GPU has been measured yet.
   */
  readonly proven: boolean;
  readonly product: {
    /** Tunings that fit the device; equal estimates keep this order. */
    candidates(channels: Channels, limits: Limits): readonly Product[];
    /** Bindings: input, weights [slices, in, out], those of the epilogue, output. */
    shader(g: PixelProduct, tuning: Product): Shader;
    /** How long it is likely to take. */
    seconds(shape: ProductShape, tuning: Product, limits: Limits): number;
  };
  readonly weight: {
    /** Into how many parts of each share it sums dy's columns, for the bias, on the way; 0: it cannot. */
    biasSums(tuning: Weight): number;
    /** What the shares divide: pixels, or whole rows of them. */
    readonly divides: "pixels" | "rows";
    candidates(channels: Channels, parts: number, limits: Limits): readonly Weight[];
    /** `parts` shares of it. Bindings: x, dy, dw [parts, taps, in, out], with `bias` db [parts * biasSums, out]. */
    shader(p: ConvProblem, tuning: Weight, bias: boolean): Shader;
    seconds(shape: ProductShape, tuning: Weight, limits: Limits): number;
  };
}

/** The same records; throws where two have one key. */
export function listed<Record extends { readonly key: string }>(records: readonly Record[]): readonly Record[] {
  for (const { key } of records) {
    if (records.filter((each) => each.key === key).length > 1) {
      throw new Error(`Cannot list two families of convolutions called "${key}"`);
    }
  }
  return records;
}

/** The record that a tuning names; throws where there is none. */
export function recordOf<Record extends { readonly key: string }>(
  records: readonly Record[],
  { family }: ConvTuning,
): Record {
  const found = records.find(({ key }) => key === family);
  if (found !== undefined) return found;
  throw new Error(`Cannot use a tuning of family "${family}", there are ${records.map(({ key }) => key).join(", ")}`);
}
