import * as z from "zod";
import { maxPoolBackward, maxPoolForward } from "../kernels/layer/max_pool.ts";
import type { PoolWindows } from "../kernels/layer/pool_windows.ts";
import { axesOf, type PerAxis, perAxis, sized } from "../kernels/per_axis.ts";
import type { Layer } from "../core/graph/layer.ts";
import { op } from "../core/graph/op.ts";
import { type Tensor, tensor } from "../core/graph/tensor.ts";
import { before, paddingOf, type PaddingOption, strideWords, torchSides, torchSize } from "./axis_options.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";
import {
  checkPoolPadding,
  evenPadding,
  exactPadding,
  onnxWindows,
  type PoolOptions,
  poolShape,
  poolWindows,
} from "./pool_options.ts";

/** What max pooling is built of, defaults filled in. */
export interface MaxPoolConfig extends PoolOptions {
  /** What becomes of a last window that does not fit: "up" clips it at the border, "down" leaves it out. */
  readonly rounding: "up" | "down";
}
/** Kernel and stride; no padding, and sizes rounded up, unless said otherwise. */
export interface MaxPoolOptions {
  /** Height and width of the window: a number, or [height, width]. */
  readonly kernel: PerAxis;
  /** Rows and columns from one window to the next: a number, or [rows, columns]. */
  readonly stride: PerAxis;
  /** Rows and columns around the image, which hold nothing; the default is "valid", none. */
  readonly padding?: PaddingOption | undefined;
  /** What becomes of a last window that does not fit: "up", the default, clips it at the border, "down" leaves it out. */
  readonly rounding?: "up" | "down" | undefined;
}

const schema: z.ZodType<MaxPoolConfig, MaxPoolOptions> = z.strictObject({
  ...poolShape,
  rounding: z.enum(["up", "down"]).default("up").describe("Is a last window that does not fit clipped, or left out?"),
});

function build(name: string, options: MaxPoolConfig): Omit<Layer, "name" | "made"> {
  const { kernel, stride, padding } = options, [height, width] = axesOf(kernel);
  checkPoolPadding(`Cannot build maxPool "${name}"`, options);
  const windowsOn = (x: Pick<Tensor, "shape" | "dtype">) =>
    poolWindows(`Cannot apply max pooling "${name}"`, options, x);
  return {
    half: [],
    switches: true,
    window: () => ({ height, width, stride, before: before(paddingOf(padding, kernel)) }),
    init: (shape) => ({ output: windowsOn({ shape, dtype: "f32" }).output, params: {} }),
    forward(_params, x, { mode }) {
      const { dtype } = x, { windows, output } = windowsOn(x);
      const y = tensor(`${name}/y`, output, { dtype }), switches = tensor(`${name}/switches`, output, { dtype: "u32" });
      const pool = (label: string, y: typeof x, record: boolean) =>
        op(maxPoolForward, { ...windows, switches: record }, {
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
          const backward = op(maxPoolBackward, { ...windows, switches: wanted }, {
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

/** For exports, where shapes are known to fit. */
const windowsFor = (options: MaxPoolConfig, shape: readonly number[]): PoolWindows =>
  poolWindows("Cannot export max pooling", options, { shape, dtype: "f32" }).windows;

/**
 * Max pooling. As in Caffe, the output size rounds up and windows are clipped at the border, unless `rounding` is "down"
 * as PyTorch's default; padding is never a maximum. Backward, the signal goes to the first maximum of a window, or, without
 * switches, in equal parts to all that it holds, by all rules. Throws `UserError` where options are out of range, where
 * padding is not less than the kernel, and from `init` where no window fits.
 *
 * @example
 * ```ts
 * console.log(maxPool("pool1", { kernel: 3, stride: 2 }).init([32, 28, 28, 16]).output); // [ 32, 14, 14, 16 ]
 * const down = maxPool("pool2", { kernel: 3, stride: 2, padding: 1, rounding: "down" });
 * console.log(down.init([32, 27, 27, 16]).output); // [ 32, 14, 14, 16 ]
 * ```
 */
export const maxPool: LayerConstructor<MaxPoolConfig, MaxPoolOptions> = defineLayer({
  key: "maxPool",
  schema,
  autoName: (n) => `pool${n}`,
  build,
  describe: ({ kernel, stride }) => `${sized(kernel)} max pooling${strideWords(stride)}`,
  // Windows clipped at the border are windows that see the padding, which never is a maximum.
  onnx: (options, { input }) => [{
    op: "MaxPool",
    reads: ["x"],
    writes: "y",
    attributes: onnxWindows(windowsFor(options, input)),
  }],
  torch(options, { input }) {
    const windows = windowsFor(options, input), { kernel, stride, rounding } = options, padding = evenPadding(windows);
    const [rows, columns] = axesOf(kernel), [height, width] = [input[1]!, input[2]!];
    const strides = `stride=${torchSize(stride)}`;
    if (padding === 0) { // PyTorch clips no first window
      const size = perAxis(Math.min(rows, height), Math.min(columns, width));
      return [{
        code: `nn.MaxPool2d((${axesOf(size).join(", ")}), ${strides}, ceil_mode=${
          rounding === "up" ? "True" : "False"
        })`,
      }];
    }
    const around = `nn.ConstantPad2d(${torchSides(exactPadding(windows))}, float("-inf"))`;
    return [{ code: around }, { code: `nn.MaxPool2d(${torchSize(kernel)}, ${strides})` }];
  },
});
