import * as z from "zod";
import { batchNormBackward, batchNormForward } from "../kernels/layer/batch_norm.ts";
import { batchNormRunning, batchNormStatistics, batchNormSums } from "../kernels/layer/batch_norm_sums.ts";
import { op } from "../core/graph/op.ts";
import { dtypeOf, elements, tensor } from "../core/graph/tensor.ts";
import type { Layer } from "../core/graph/layer.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";

/** What a batch normalization is built of; the defaults are PyTorch's. */
export interface BatchNormConfig {
  /** How far each step moves the running statistics to those of its batch, in [0, 1]. */
  readonly momentum: number;
  /** Added to the variance. */
  readonly epsilon: number;
}
/** `BatchNormConfig` as it is written: both have defaults. */
export interface BatchNormOptions {
  /** How far each step moves the running statistics to those of its batch, in [0, 1]; the default is 0.1. */
  readonly momentum?: number | undefined;
  /** Added to the variance; the default is 1e-5. */
  readonly epsilon?: number | undefined;
}

const schema: z.ZodType<BatchNormConfig, BatchNormOptions> = z.strictObject({
  momentum: z.number().min(0).max(1).default(0.1).describe(
    "How far a step moves the running statistics to its batch's",
  ),
  epsilon: z.number().min(1e-12).max(1).default(1e-5).describe("Added to the variance"),
});

function build(name: string, { momentum, epsilon }: BatchNormConfig): Omit<Layer, "name" | "made"> {
  return {
    half: [],
    init(input) {
      const shape = [input.at(-1)!], constant = (constant: number) => ({ shape, init: { constant } });
      return {
        output: input,
        params: { gamma: constant(1), beta: constant(0) },
        state: { mean: constant(0), variance: { ...constant(1), least: 0 } },
      };
    },
    forward(params, x, { mode }) {
      const { shape, dtype } = x, channels = shape.at(-1)!, training = mode === "train";
      const [gamma, beta, mean, variance] = ["gamma", "beta", "mean", "variance"].map((key) => params[key]!);
      const problem = { rows: elements(shape) / channels, channels, ...dtypeOf(x) };
      const statistics = tensor(`${name}/statistics`, [2, channels]), y = tensor(`${name}/y`, shape, { dtype });
      const label = "statistics", state = [mean!, variance!];
      const ops = [
        training
          ? op(batchNormStatistics, { ...problem, momentum, epsilon }, {
            label,
            reads: [x],
            writes: [statistics, ...state],
          })
          : op(batchNormRunning, { channels, epsilon }, { label, reads: state, writes: [statistics] }),
        op(batchNormForward, problem, { label: "forward", reads: [x, statistics, gamma!, beta!], writes: [y] }),
      ];
      return {
        ops,
        y,
        pullback(dy, { grads, input }) {
          const [dgamma, dbeta] = ["gamma", "beta"].map((key) => grads?.[key] ?? tensor(`${name}/d${key}`, [channels]));
          const sums = { label: "sums", reads: [x, dy, statistics], writes: [dgamma!, dbeta!] };
          const summed = grads !== null || (training && input) ? [op(batchNormSums, problem, sums)] : [];
          if (!input) return { ops: summed, dx: null };
          const dx = tensor(`${name}/dx`, shape, { dtype });
          const reads = [dy, statistics, gamma!, ...(training ? [x, dgamma!, dbeta!] : [])];
          return {
            ops: [...summed, op(batchNormBackward, { ...problem, training }, { label: "dx", reads, writes: [dx] })],
            dx,
          };
        },
      };
    },
  };
}

/**
 * Batch normalization: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, for each channel. In training mean and
 * variance are those of the batch over all positions, and move running ones (the variance as of a sample, divided by
 * n - 1); else the running ones are used. Where a batch is cut into micro-batches they are those of each, which moves the
 * running ones once: so micro-batches change what is computed, a little the less the larger they are.
 *
 * @example
 * ```ts
 * const block = [conv("conv1", { channels: 16, kernel: 3 }), batchNorm("norm1"), activation("relu1")];
 * console.log(sequential("block", block).init([32, 28, 28, 1]).output); // [ 32, 26, 26, 16 ]
 * ```
 */
export const batchNorm: LayerConstructor<BatchNormConfig, BatchNormOptions> = defineLayer({
  key: "batchNorm",
  schema,
  autoName: (n) => `batchNorm${n}`,
  build,
  describe: () => "batch normalization",
  elementwise: true,
  onnx: ({ epsilon }) => [{
    op: "BatchNormalization",
    reads: ["x", "gamma", "beta", "mean", "variance"],
    writes: "y",
    attributes: { epsilon: { f: epsilon } },
  }],
  torch: ({ momentum, epsilon }, { input }) => [{
    code: `nn.BatchNorm2d(${input.at(-1)}, eps=${epsilon}, momentum=${momentum})`,
    params: { gamma: "weight", beta: "bias", mean: "running_mean", variance: "running_var" },
  }],
});
