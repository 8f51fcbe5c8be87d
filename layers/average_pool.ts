import * as z from "zod";
import { averagePoolBackward, averagePoolForward } from "../kernels/layer/average_pool.ts";
import { axesOf, type PerAxis, sized } from "../kernels/per_axis.ts";
import type { Layer } from "../core/graph/layer.ts";
import { op } from "../core/graph/op.ts";
import { type Tensor, tensor } from "../core/graph/tensor.ts";
import { before, paddingOf, type PaddingOption, strideWords, torchSides, torchSize } from "./axis_options.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";
import {
  checkPoolPadding,
  evenPadding,
  onnxWindows,
  type PoolOptions,
  poolShape,
  poolWindows,
} from "./pool_options.ts";

/** What average pooling is built of, defaults filled in. */
export interface AveragePoolConfig extends PoolOptions {
  /** Does a window's average count the padding, as zeros? */
  readonly countPadding: boolean;
}
/** Kernel and stride; no padding, and averages of what lies in the image, unless said otherwise. */
export interface AveragePoolOptions {
  /** Height and width of the window: a number, or [height, width]. */
  readonly kernel: PerAxis;
  /** Rows and columns from one window to the next: a number, or [rows, columns]. */
  readonly stride: PerAxis;
  /** Rows and columns around the image, which hold nothing; the default is "valid", none. */
  readonly padding?: PaddingOption | undefined;
  /** Does a window's average count the padding, as zeros? The default is no. */
  readonly countPadding?: boolean | undefined;
}

const schema: z.ZodType<AveragePoolConfig, AveragePoolOptions> = z.strictObject({
  ...poolShape,
  countPadding: z.boolean().default(false).describe("Does an average count the padding, as zeros?"),
});

function build(name: string, options: AveragePoolConfig): Omit<Layer, "name" | "made"> {
  const { kernel, stride, padding, countPadding } = options, [height, width] = axesOf(kernel);
  checkPoolPadding(`Cannot build averagePool "${name}"`, options);
  const windowsOn = (x: Pick<Tensor, "shape" | "dtype">) =>
    poolWindows(`Cannot apply average pooling "${name}"`, { ...options, rounding: "down" }, x);
  return {
    half: [],
    window: () => ({ height, width, stride, before: before(paddingOf(padding, kernel)) }),
    init: (shape) => ({ output: windowsOn({ shape, dtype: "f32" }).output, params: {} }),
    forward(_params, x) {
      const { dtype } = x, { windows, output } = windowsOn(x), problem = { ...windows, countPadding };
      const y = tensor(`${name}/y`, output, { dtype });
      return {
        ops: [op(averagePoolForward, problem, { label: "forward", reads: [x], writes: [y] })],
        y,
        pullback(dy, { input }) {
          if (!input) return { ops: [], dx: null };
          const dx = tensor(`${name}/dx`, x.shape, { dtype });
          return { ops: [op(averagePoolBackward, problem, { label: "dx", reads: [dy], writes: [dx] })], dx };
        },
      };
    },
  };
}

/** Padding of any kind, where PyTorch's module knows only that of equal sides, up to half of the kernel. */
const DEFINITION = `class AveragePool(nn.Module):
    """Averages of what lies in the image."""

    def __init__(self, kernel, stride, sides):
        super().__init__()
        self.pad, self.pool = nn.ZeroPad2d(sides), nn.AvgPool2d(kernel, stride=stride)

    def forward(self, x):
        return self.pool(self.pad(x)) / self.pool(self.pad(torch.ones_like(x)))`;

/**
 * Average pooling; a last window that does not fit is left out. The averages are of what lies in the image, or, with
 * `countPadding`, of whole windows with zeros around the image, as PyTorch's default. Backward it is linear, the same by
 * all rules and without switches. Throws `UserError` where options are out of range, where padding is not less than the
 * kernel, and from `init` where no window fits.
 *
 * @example
 * ```ts
 * const layer = averagePool("pool1", { kernel: 3, stride: 2, padding: 1 });
 * console.log(layer.init([32, 28, 28, 16]).output); // [ 32, 14, 14, 16 ]
 * ```
 */
export const averagePool: LayerConstructor<AveragePoolConfig, AveragePoolOptions> = defineLayer({
  key: "averagePool",
  schema,
  autoName: (n) => `averagePool${n}`,
  build,
  describe: ({ kernel, stride }) => `${sized(kernel)} average pooling${strideWords(stride)}`,
  onnx(options, { input }) {
    const windows = poolWindows("Cannot export average pooling", { ...options, rounding: "down" }, {
      shape: input,
      dtype: "f32",
    });
    const attributes = { ...onnxWindows(windows.windows), count_include_pad: { i: options.countPadding ? 1 : 0 } };
    return [{ op: "AveragePool", reads: ["x"], writes: "y", attributes }];
  },
  torch(options, { input }) {
    const { kernel, stride, countPadding } = options, given = { shape: input, dtype: "f32" } as const;
    const { windows } = poolWindows("Cannot export average pooling", { ...options, rounding: "down" }, given);
    const size = `${torchSize(kernel)}, stride=${torchSize(stride)}`, padding = evenPadding(windows);
    const counts = `count_include_pad=${countPadding ? "True" : "False"}`;
    if (padding !== null) return [{ code: `nn.AvgPool2d(${size}, padding=${torchSize(padding)}, ${counts})` }];
    const sides = torchSides(paddingOf(options.padding, kernel));
    if (countPadding) return [{ code: `nn.ZeroPad2d(${sides})` }, { code: `nn.AvgPool2d(${size})` }];
    const code = `AveragePool(${torchSize(kernel)}, ${torchSize(stride)}, ${sides})`;
    return [{ code, definition: DEFINITION }];
  },
});
