import * as z from "zod";
import { maxPoolBackward, maxPoolForward, pooledSize } from "../kernels/layer/max_pool.ts";
import type { Layer } from "../core/graph/layer.ts";
import { UserError } from "../core/host/errors.ts";
import { op } from "../core/graph/op.ts";
import { dtypeOf, type Shape, tensor } from "../core/graph/tensor.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";

/** What max pooling is built of. */
export interface MaxPoolConfig {
  /** Height and width of the window. */
  readonly kernel: number;
  /** Rows and columns from one window to the next. */
  readonly stride: number;
}

/** [batch, rows, columns, channels] of the output. */
const pooledShape = ([batch, height, width, channels]: Shape, { kernel, stride }: MaxPoolConfig): Shape => [
  batch!,
  pooledSize(height!, kernel, stride),
  pooledSize(width!, kernel, stride),
  channels!,
];

function build(name: string, options: MaxPoolConfig): Omit<Layer, "name" | "made"> {
  const { kernel, stride } = options;
  return {
    half: [],
    switches: true,
    window: () => ({ height: kernel, width: kernel, stride, before: 0 }),
    init(input) {
      if (input.length !== 4) {
        throw new UserError(`Cannot apply max pooling "${name}" to [${input.join(", ")}]: it needs a feature map`);
      }
      return { output: pooledShape(input, options), params: {} };
    },
    forward(_params, x, { mode }) {
      const [batch, height, width, channels] = x.shape as [number, number, number, number];
      const { dtype } = x, problem = { batch, height, width, channels, kernel, stride, ...dtypeOf(x) };
      const y = tensor(`${name}/y`, pooledShape(x.shape, options), { dtype });
      const switches = tensor(`${name}/switches`, y.shape, { dtype: "u32" });
      const pool = (label: string, y: typeof x, record: boolean) =>
        op(maxPoolForward, { ...problem, switches: record }, {
          label,
          reads: [x],
          writes: record ? [y, switches] : [y],
        });
      return {
        ops: [pool("forward", y, mode === "train")],
        y,
        pullback(dy, { input, switches: wanted }) {
          if (!input) return { ops: [], dx: null };
          const dx = tensor(`${name}/dx`, x.shape, { dtype });
          const backward = op(maxPoolBackward, { ...problem, switches: wanted }, {
            label: "dx",
            reads: wanted ? [dy, switches] : [dy],
            writes: [dx],
          });
          // Evaluation records no switches: pool once more where a pullback does want them.
          const unused = tensor(`${name}/again`, y.shape, { dtype });
          const again = mode === "train" || !wanted ? [] : [pool("switches", unused, true)];
          return { ops: [...again, backward], dx };
        },
      };
    },
  };
}

/**
 * Max pooling as in Caffe: the output size rounds up and windows are clipped at the border. Throws `UserError` where
 * kernel or stride is no positive integer.
 *
 * @example
 * ```ts
 * console.log(maxPool("pool1", { kernel: 3, stride: 2 }).init([32, 28, 28, 16]).output); // [ 32, 14, 14, 16 ]
 * ```
 */
export const maxPool: LayerConstructor<MaxPoolConfig> = defineLayer({
  key: "maxPool",
  schema: z.strictObject({
    kernel: z.int().min(1).max(1024).describe("Height and width of the window"),
    stride: z.int().min(1).max(1024),
  }),
  autoName: (n) => `pool${n}`,
  build,
  describe: ({ kernel, stride }) => `${kernel}x${kernel} max pooling${stride === 1 ? "" : `, stride ${stride}`}`,
  onnx({ kernel, stride }, { input, output }) {
    // Windows clipped at the border are windows that see the padding, which never is a maximum. Padding to the exact
    // size is safer than `ceil_mode`, on whose last window runtimes disagreed.
    const beyond = [1, 2].map((i) => Math.max(0, (output[i]! - 1) * stride + kernel - input[i]!));
    return [{
      op: "MaxPool",
      reads: ["x"],
      writes: "y",
      attributes: {
        kernel_shape: { ints: [kernel, kernel] },
        strides: { ints: [stride, stride] },
        pads: { ints: [0, 0, ...beyond] },
      },
    }];
  },
  torch({ kernel, stride }, { input }) {
    const [rows, columns] = [input[1]!, input[2]!].map((size) => Math.min(kernel, size)); // PyTorch clips no first window
    return [{ code: `nn.MaxPool2d((${rows}, ${columns}), stride=${stride}, ceil_mode=True)` }];
  },
});
