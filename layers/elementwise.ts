/** A function of one's own, from two expressions. */
import * as z from "zod";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";
import { mapPass } from "./map_pass.ts";

/** What a function of each element is built of: expressions of WGSL, all numbers of which are f32. */
export interface ElementwiseConfig {
  /** The function, of `x`: "max(x, 0.0) * max(x, 0.0)". */
  readonly y: string;
  /** The gradient of x, of `dy`, `x` and `y`: "dy * 2.0 * max(x, 0.0)". */
  readonly dx: string;
}

/** A single expression: no statements, no functions, no comments. */
const expression = z.string().min(1).max(1000).regex(
  /^(?!.*(\/\/|\/\*))[^;{}[\]@\r\n]*$/,
  "expected one expression of WGSL",
);

const schema: z.ZodType<ElementwiseConfig, ElementwiseConfig> = z.strictObject({
  y: expression.describe("The function of x, in WGSL: max(x, 0.0) * max(x, 0.0)"),
  dx: expression.regex(/\bdy\b/, "expected an expression of dy").describe(
    "The gradient of x, of dy, x and y, in WGSL: dy * 2.0 * max(x, 0.0)",
  ),
});

/**
 * A function of each element, as an activation of one's own. It is computed in float32, also in half precision. Deconvnet
 * sends max(dy, 0) back, and guided backpropagation the positive part of what `dx` makes of that, which for a ReLU is
 * theirs. Throws `UserError` where an expression is none; one that does not compile is told when a model with it is opened
 * or first used. Exports refuse it: other programs know no WGSL.
 *
 * @example
 * ```ts
 * const squared = elementwise("squared", { y: "max(x, 0.0) * max(x, 0.0)", dx: "dy * 2.0 * max(x, 0.0)" });
 * const network = sequential("network", [conv("conv1", { channels: 8, kernel: 3 }), squared]);
 * console.log(network.init([32, 28, 28, 1]).output); // [ 32, 26, 26, 8 ]
 * ```
 */
export const elementwise: LayerConstructor<ElementwiseConfig> = defineLayer({
  key: "elementwise",
  schema,
  autoName: (n) => `elementwise${n}`,
  build: (name, { y, dx }) => ({
    half: [],
    init: (input) => ({ output: input, params: {} }),
    forward: (_params, x) => mapPass(name, { y, dx }, x),
  }),
  describe: ({ y }) => `y = ${y}`,
});
