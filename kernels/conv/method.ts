/**
 * How a whole convolution is computed: by one shader of a family (plain_method.ts), or by several dispatches around one
 * (winograd/). A tuning records the key of its method, under the name `family`.
 */
import type { ConvProblem } from "./conv_problem.ts";
import type { ConvTuning } from "./families/family.ts";
import type { PixelProduct } from "./operands/pixel_product.ts";
import type { Binding, Limits, Stages } from "../kernel.ts";

/** The gradients of a convolution's weights and bias. */
export interface ConvBackwardWeightProblem extends ConvProblem {
  /** Is the bias gradient wanted too? */
  readonly bias: boolean;
}

/** Where the arrays of a product are bound; `transposed` weights are [slice, out, in]. */
export interface ProductArrays {
  readonly input: Binding;
  readonly weights: Binding;
  readonly transposed: boolean;
  readonly epilogue: readonly Binding[];
  readonly output: Binding;
}

export interface Method<Product extends ConvTuning = ConvTuning, Weight extends ConvTuning = ConvTuning> {
  readonly key: string;
  /** May it be a default? As a family's. */
  readonly proven: boolean;
  readonly product: {
    candidates(g: PixelProduct, limits: Limits): readonly Product[];
    /** All `products`, which differ in their axes alone. */
    stages(products: readonly PixelProduct[], tuning: Product, arrays: ProductArrays): Stages;
    seconds(g: PixelProduct, tuning: Product, limits: Limits): number;
  };
  readonly weight: {
    /** Those that sum the pixels in one of `splits` shares, where the method leaves that open. */
    candidates(p: ConvProblem, splits: readonly number[], limits: Limits): readonly Weight[];
    /** Reads x and dy; writes dw and, with `bias`, db. */
    stages(p: ConvBackwardWeightProblem, tuning: Weight): Stages;
    seconds(p: ConvProblem, tuning: Weight, limits: Limits): number;
  };
}
