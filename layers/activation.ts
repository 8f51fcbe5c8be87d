import * as z from "zod";
import { relu } from "../kernels/layer/relu.ts";
import { reluPullback } from "../kernels/layer/relu_pullback.ts";
import type { Forward } from "../core/graph/layer.ts";
import { op } from "../core/graph/op.ts";
import { dtypeOf, elements, type Tensor, tensor } from "../core/graph/tensor.ts";
import {
  type ActivationFunction,
  activationSchema,
  describeActivation,
  onnxRelu,
  type ReluFunction,
  slopeOf,
  torchActivation,
} from "./activation_function.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";
import { mapPass } from "./map_pass.ts";
import { isSmooth, SMOOTH } from "./smooth_function.ts";

/** What an activation is built of. */
export interface ActivationConfig {
  /** What is computed of each element. */
  readonly function: ActivationFunction;
}
/** `ActivationConfig` as it is written: the default is relu. */
export interface ActivationOptions {
  /** What is computed of each element; the default is "relu". */
  readonly function?: ActivationFunction | undefined;
}

const schema: z.ZodType<ActivationConfig, ActivationOptions> = z.strictObject({
  function: activationSchema.default("relu"),
});

/** A ReLU's pass: its derivative is told from y, so x need not be kept. */
function reluPass(name: string, f: ReluFunction, x: Tensor): Forward {
  const { shape, dtype } = x, problem = { count: elements(shape), slope: slopeOf(f), ...dtypeOf(x) };
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
}

/**
 * An activation on its own, as behind a batch normalization: ReLU, leaky ReLU, GELU or SiLU. A convolution may have the first
 * two of its own; one that follows it alone becomes a part of it. By deconvnet a GELU or SiLU sends back max(dy, 0), as a ReLU; by guided
 * backpropagation the positive part of its gradient for max(dy, 0).
 *
 * @example
 * ```ts
 * console.log(activation("relu1").init([32, 14, 14, 16]).output); // [ 32, 14, 14, 16 ]
 * console.log(activation("gelu1", { function: "gelu" }).init([32, 1, 1, 10]).output); // [ 32, 1, 1, 10 ]
 * ```
 */
export const activation: LayerConstructor<ActivationConfig, ActivationOptions> = defineLayer({
  key: "activation",
  schema,
  autoName: (n) => `activation${n}`,
  build: (name, { function: f }) => ({
    half: [],
    init: (input) => ({ output: input, params: {} }),
    forward: (_params, x) => isSmooth(f) ? mapPass(name, SMOOTH[f].formula, x) : reluPass(name, f, x),
  }),
  describe: ({ function: f }) => describeActivation(f),
  elementwise: true,
  onnx: ({ function: f }) => isSmooth(f) ? SMOOTH[f].onnx : [onnxRelu(f, "x")],
  torch: ({ function: f }) => [torchActivation(f)],
});
