/** Convolution with bias and activation. */
import * as z from "zod";
import { axesOf, isNone, type Padding, type PerAxis, perAxis, sized } from "../kernels/per_axis.ts";
import { UserError } from "../core/host/errors.ts";
import type { Layer } from "../core/graph/layer.ts";
import type { Shape } from "../core/graph/tensor.ts";
import {
  describeActivation,
  fusedActivationSchema,
  onnxRelu,
  type ReluFunction,
  slopeOf,
  torchActivation,
} from "./activation_function.ts";
import {
  before,
  ints,
  paddingOf,
  type PaddingOption,
  paddingSchema,
  perAxisSchema,
  strideWords,
  torchSides,
  torchSize,
} from "./axis_options.ts";
import { convPass } from "./conv_pass.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";
import type { OnnxNode } from "../core/graph/export_types.ts";
import { maxPool } from "./max_pool.ts";

/** What a convolution is built of, defaults filled in. */
export interface ConvConfig {
  /** Output channels. */
  readonly channels: number;
  /** Height and width of the kernel: a number, or [height, width]. */
  readonly kernel: PerAxis;
  /** Rows and columns from one output to the next: a number, or [rows, columns]. */
  readonly stride: PerAxis;
  /** Zeros around the input. */
  readonly padding: PaddingOption;
  /** What is done to the sums, before they are stored. */
  readonly activation: "none" | ReluFunction;
  /** Initial value of every bias. */
  readonly initialBias: number;
}

const schema: z.ZodType<ConvConfig, ConvOptions> = z.strictObject({
  channels: z.int().min(1).describe("Output channels"),
  kernel: perAxisSchema(1).describe("Height and width of the kernel: a number, or both"),
  stride: perAxisSchema(1).default(1).describe("Rows and columns from one output to the next: a number, or both"),
  padding: paddingSchema.default("valid").describe(
    "Zeros around the input: same = (kernel - 1) / 2 on each side, valid = none, a number, [rows, columns], or each side",
  ),
  activation: fusedActivationSchema.default("none"),
  initialBias: z.number().min(-1e6).max(1e6).default(0).describe("Initial value of every bias"),
});

/** Output channels and kernel size; stride 1, no padding, no activation and biases of 0 unless said otherwise. */
export interface ConvOptions {
  /** Output channels. */
  readonly channels: number;
  /** Height and width of the kernel: a number, or [height, width]. */
  readonly kernel: PerAxis;
  /** Rows and columns from one output to the next: a number, or [rows, columns]; the default is 1. */
  readonly stride?: PerAxis | undefined;
  /** Zeros around the input; the default is "valid", none. */
  readonly padding?: PaddingOption | undefined;
  /** What is done to the sums, before they are stored; the default is "none". */
  readonly activation?: "none" | ReluFunction | undefined;
  /** Initial value of every bias; the default is 0. */
  readonly initialBias?: number | undefined;
}

/** In words: "3 on each side", or what is where. */
function paddingWords(around: Padding): string {
  const { top, left, bottom, right } = around, sides = new Set([top, left, bottom, right]);
  if (isNone(around)) return "without padding";
  return sides.size === 1 ? `with padding ${top}` : `with padding (${[top, left, bottom, right].join(", ")})`;
}

function build(name: string, options: ConvConfig): Omit<Layer, "name" | "made"> {
  const { channels, initialBias } = options, around = paddingOf(options.padding, options.kernel);
  const [rows, columns] = axesOf(options.kernel), [down, across] = axesOf(options.stride);
  const kernel = perAxis(rows, columns), stride = perAxis(down, across), padding = before(around);
  const needed = { height: rows - around.top - around.bottom, width: columns - around.left - around.right };
  const slope = options.activation === "none" ? null : slopeOf(options.activation);

  function outputShape(input: Shape): Shape {
    const [batch, height, width] = input as [number, number, number, number];
    const outHeight = Math.floor((height - needed.height) / down) + 1;
    const outWidth = Math.floor((width - needed.width) / across) + 1;
    if (input.length !== 4 || Math.min(outHeight, outWidth) < 1) {
      const least = needed.height === needed.width
        ? `height and width >= ${needed.height}`
        : `height >= ${needed.height} and width >= ${needed.width}`;
      throw new UserError(
        `Cannot apply conv "${name}" to [${input.join(", ")}]: kernel ${sized(kernel)} ${paddingWords(around)} ` +
          `needs ${least}, got ${height}x${width}`,
      );
    }
    return [batch, outHeight, outWidth, channels];
  }

  return {
    half: ["w"],
    window: () => ({ height: rows, width: columns, stride, before: padding }),
    init(input) {
      const output = outputShape(input);
      const inChannels = input[3]!;
      return {
        output,
        params: {
          w: {
            shape: [rows, columns, inChannels, channels],
            init: { fanIn: rows * columns * inChannels, fanOut: rows * columns * channels },
          },
          b: { shape: [channels], init: { constant: initialBias } },
        },
      };
    },
    forward(params, x, _trace) {
      const [batch, height, width, inChannels] = x.shape as [number, number, number, number];
      const output = outputShape(x.shape), [, outHeight, outWidth] = output as [number, number, number];
      const problem = {
        ...{ batch, height, width, inChannels, outHeight, outWidth, outChannels: channels },
        ...{ kernel, stride, padding },
      };
      return convPass(name, { problem, slope, output }, params, x);
    },
  };
}

/**
 * y = activation(x * w + b) for x [batch, height, width, in], w [kernel height, kernel width, in, channels], b [channels].
 * Weights of f16 make y, and the gradients of x and y, f16 too (of x, what type it has); b and parameter gradients are f32.
 * Throws `UserError` on options that are not allowed, and from `init` on an input smaller than the kernel.
 *
 * @example
 * ```ts
 * const layer = conv("conv1", { channels: 16, kernel: 3, stride: 2, padding: "same" });
 * console.log(layer.init([32, 28, 28, 1]).output); // [ 32, 14, 14, 16 ]
 * const wide = conv("conv2", { channels: 16, kernel: [3, 5], stride: [2, 1], padding: { top: 1, left: 2, right: 2 } });
 * console.log(wide.init([32, 28, 28, 1]).output); // [ 32, 14, 28, 16 ]
 * ```
 */
export const conv: LayerConstructor<ConvConfig, ConvOptions> = defineLayer({
  key: "conv",
  schema,
  build,
  describe: ({ kernel, stride, activation }) =>
    `${sized(kernel)} convolution${strideWords(stride)}` +
    (activation === "none" ? "" : `, ${describeActivation(activation)}`),
  channels: "channels",
  poolStride: (name, { stride, ...options }) =>
    sized(stride) === "1x1"
      ? null
      : [{ conv: { name, ...options, stride: 1 } }, { [maxPool.kind.key]: { kernel: stride, stride } }],
  onnx({ kernel, stride, padding, activation }) {
    const { top, left, bottom, right } = paddingOf(padding, kernel);
    const z: OnnxNode = {
      op: "Conv",
      reads: ["x", "w", "b"],
      writes: "z",
      attributes: {
        kernel_shape: ints(kernel),
        strides: ints(stride),
        pads: { ints: [top, left, bottom, right] },
      },
    };
    return activation === "none" ? [z] : [z, onnxRelu(activation, "z")];
  },
  torch(options, { input }) {
    const { channels, kernel, stride, activation } = options, around = paddingOf(options.padding, kernel);
    const even = around.top === around.bottom && around.left === around.right, padding = even ? before(around) : 0;
    const sizes = `${torchSize(kernel)}, stride=${torchSize(stride)}, padding=${torchSize(padding)}`;
    return [
      ...(even ? [] : [{ code: `nn.ZeroPad2d(${torchSides(around)})` }]),
      { code: `nn.Conv2d(${input[3]}, ${channels}, ${sizes})`, params: { w: "weight", b: "bias" } },
      ...(activation === "none" ? [] : [torchActivation(activation)]),
    ];
  },
});
