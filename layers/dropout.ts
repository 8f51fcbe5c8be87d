import * as z from "zod";
import { dropout as dropoutKernel } from "../kernels/layer/dropout.ts";
import { op } from "../core/graph/op.ts";
import { streamOf } from "../core/graph/random.ts";
import { dtypeOf, elements, tensor } from "../core/graph/tensor.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";

/** What a dropout is built of. */
export interface DropoutConfig {
  /** Probability of zeroing an element, in [0, 1). */
  readonly rate: number;
}

/**
 * Zeroes elements with probability `rate` in training and scales the others by 1 / (1 - rate); else the identity.
 * Throws `UserError` where the rate is not in [0, 1).
 *
 * @example
 * ```ts
 * const layer = dropout("dropout1", { rate: 0.5 });
 * console.log(layer.init([32, 14, 14, 16]).output); // [ 32, 14, 14, 16 ]
 * ```
 */
export const dropout: LayerConstructor<DropoutConfig> = defineLayer({
  key: "dropout",
  schema: z.strictObject({ rate: z.number().min(0).lt(1).describe("Probability of zeroing an element") }),
  autoName: (n) => `dropout${n}`,
  build: (name, { rate }) => ({
    half: [],
    init: (input) => ({ output: input, params: {} }),
    forward(_params, x, { mode, step, path }) {
      if (mode === "eval" || rate === 0) {
        return { ops: [], y: x, pullback: (dy) => ({ ops: [], dx: dy }) };
      }
      const { dtype } = x, count = elements(x.shape), perExample = count / x.shape[0]!;
      const problem = { count, rate, stream: streamOf(path), perExample, ...dtypeOf(x) };
      const y = tensor(`${name}/y`, x.shape, { dtype });
      return {
        ops: [op(dropoutKernel, problem, { label: "forward", reads: [x, step], writes: [y] })],
        y,
        pullback(dy, { input }) {
          if (!input) return { ops: [], dx: null };
          const dx = tensor(`${name}/dx`, x.shape, { dtype });
          return { ops: [op(dropoutKernel, problem, { label: "dx", reads: [dy, step], writes: [dx] })], dx };
        },
      };
    },
  }),
  trainingOnly: true,
  describe: ({ rate }) => `dropout ${rate}, in training only`,
  onnx: () => [],
  torch: ({ rate }) => [{ code: `nn.Dropout(${rate})` }],
});
