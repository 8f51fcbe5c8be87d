import * as z from "zod";
import { globalAveragePoolBackward, globalAveragePoolForward } from "../kernels/layer/global_average_pool.ts";
import { op } from "../core/graph/op.ts";
import { dtypeOf, tensor } from "../core/graph/tensor.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";

/**
 * The mean over all positions: [batch, height, width, channels] to [batch, 1, 1, channels], which is f32 for f16 too.
 *
 * @example
 * ```ts
 * console.log(globalAveragePool("average").init([32, 7, 7, 10]).output); // [ 32, 1, 1, 10 ]
 * ```
 */
export const globalAveragePool: LayerConstructor<Record<never, never>> = defineLayer({
  key: "globalAveragePool",
  schema: z.strictObject({}),
  autoName: (n) => n === 1 ? "globalAveragePool" : `globalAveragePool${n}`,
  build: (name) => ({
    half: [],
    window: ([, height, width]) => ({ height: height!, width: width!, stride: 1, before: 0 }),
    init: (input) => ({ output: [input[0]!, 1, 1, input[3]!], params: {} }),
    forward(_params, x) {
      const [batch, height, width, channels] = x.shape as [number, number, number, number];
      const problem = { batch, positions: height * width, channels, ...dtypeOf(x) };
      const y = tensor(`${name}/y`, [batch, 1, 1, channels]);
      return {
        ops: [op(globalAveragePoolForward, problem, { label: "forward", reads: [x], writes: [y] })],
        y,
        pullback(dy, { input }) {
          if (!input) return { ops: [], dx: null };
          const dx = tensor(`${name}/dx`, x.shape, { dtype: x.dtype });
          return { ops: [op(globalAveragePoolBackward, problem, { label: "dx", reads: [dy], writes: [dx] })], dx };
        },
      };
    },
  }),
  describe: () => "average of all positions",
  onnx: () => [{ op: "GlobalAveragePool", reads: ["x"], writes: "y" }],
  torch: () => [{ code: "nn.AdaptiveAvgPool2d(1)" }],
});
