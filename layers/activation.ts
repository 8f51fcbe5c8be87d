import * as z from "zod";
import { relu } from "../kernels/layer/relu.ts";
import { reluPullback } from "../kernels/layer/relu_pullback.ts";
import { op } from "../core/graph/op.ts";
import { dtypeOf, elements, tensor } from "../core/graph/tensor.ts";
import {
  type ActivationFunction,
  describeActivation,
  leakyReluSchema,
  onnxActivation,
  slopeOf,
  torchActivation,
} from "./activation_function.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";

/** What an activation is built of. */
export interface ActivationConfig {
  readonly function: ActivationFunction;
}
/** `ActivationConfig` as it is written: the default is relu. */
export type ActivationOptions = { readonly function?: ActivationFunction | undefined };

const schema: z.ZodType<ActivationConfig, ActivationOptions> = z.strictObject({
  function: z.union([z.enum(["relu"]), leakyReluSchema]).default("relu"),
});

/**
 * ReLU or leaky ReLU on its own, as behind a batch normalization. A convolution has its own, which costs less.
 *
 * @example
 * ```ts
 * console.log(activation("relu1").init([32, 14, 14, 16]).output); // [ 32, 14, 14, 16 ]
 * ```
 */
export const activation: LayerConstructor<ActivationConfig, ActivationOptions> = defineLayer({
  key: "activation",
  schema,
  autoName: (n) => `activation${n}`,
  build: (name, options) => ({
    half: [],
    init: (input) => ({ output: input, params: {} }),
    forward(_params, x) {
      const { shape, dtype } = x, problem = { count: elements(shape), slope: slopeOf(options.function), ...dtypeOf(x) };
      const y = tensor(`${name}/y`, shape, { dtype });
      return {
        ops: [op(relu, problem, { label: "forward", reads: [x], writes: [y] })],
        y,
        pullback(dy, { rule, input }) {
          if (!input) return { ops: [], dx: null };
          const dx = tensor(`${name}/dx`, shape, { dtype }), reads = rule === "deconvnet" ? [dy] : [dy, y];
          return { ops: [op(reluPullback, { ...problem, rule }, { label: "dx", reads, writes: [dx] })], dx };
        },
      };
    },
  }),
  describe: (options) => describeActivation(options.function),
  onnx: (options) => [onnxActivation(options.function, "x")],
  torch: (options) => [torchActivation(options.function)],
});
