/** Convolution with bias and activation. */
import * as z from "zod";
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
import { convPass } from "./conv_pass.ts";
import { defineLayer, type LayerConstructor } from "./layer_kind.ts";
import type { OnnxNode } from "../core/graph/exported.ts";
import type { Optional } from "./optional.ts";

/** What a convolution is built of, defaults filled in. */
export interface ConvConfig {
  /** Output channels. */
  readonly channels: number;
  /** Height and width of the kernel. */
  readonly kernel: number;
  /** Rows and columns from one output to the next. */
  readonly stride: number;
  /** Zeros around the input: "same" is (kernel - 1) / 2 on each side, "valid" none; or a number. */
  readonly padding: "same" | "valid" | number;
  readonly activation: "none" | ReluFunction;
  /** Initial value of every bias. */
  readonly initialBias: number;
}

const schema: z.ZodType<ConvConfig, ConvOptions> = z.strictObject({
  channels: z.int().min(1).describe("Output channels"),
  kernel: z.int().min(1).max(1024).describe("Height and width of the kernel"),
  stride: z.int().min(1).max(1024).default(1),
  padding: z.union([z.enum(["same", "valid"]), z.int().min(0).max(1024)]).default("valid").describe(
    "Zeros around the input: same = (kernel - 1) / 2 on each side, valid = none, or a number",
  ),
  activation: fusedActivationSchema.default("none"),
  initialBias: z.number().min(-1e6).max(1e6).default(0).describe("Initial value of every bias"),
});

/** Output channels and kernel size; stride 1, no padding, no activation and biases of 0 unless said otherwise. */
export type ConvOptions = Optional<ConvConfig, "stride" | "padding" | "activation" | "initialBias">;

/** Zeros before and after, in one dimension. An even kernel with "same" gets the extra zero after. */
function paddingOf({ padding, kernel }: ConvConfig): { before: number; after: number } {
  if (typeof padding === "number") return { before: padding, after: padding };
  if (padding === "valid") return { before: 0, after: 0 };
  return { before: Math.floor((kernel - 1) / 2), after: Math.ceil((kernel - 1) / 2) };
}

function build(name: string, options: ConvConfig): Omit<Layer, "name" | "made"> {
  const { channels, kernel, stride, initialBias } = options, { before, after } = paddingOf(options);
  const slope = options.activation === "none" ? null : slopeOf(options.activation);
  const outputSize = (size: number) => Math.floor((size + before + after - kernel) / stride) + 1;

  function outputShape(input: Shape): Shape {
    const [batch, height, width] = input as [number, number, number, number];
    const smallest = Math.min(height, width);
    if (input.length !== 4 || outputSize(smallest) < 1) {
      const padding = before + after === 0 ? "without padding" : `with padding ${before}`;
      throw new UserError(
        `Cannot apply conv "${name}" to [${input.join(", ")}]: kernel ${kernel}x${kernel} ${padding} ` +
          `needs height and width >= ${kernel - before - after}, got ${height}x${width}`,
      );
    }
    return [batch, outputSize(height), outputSize(width), channels];
  }

  return {
    half: ["w"],
    window: () => ({ height: kernel, width: kernel, stride, before }),
    init(input) {
      const output = outputShape(input);
      const inChannels = input[3]!;
      return {
        output,
        params: {
          w: {
            shape: [kernel, kernel, inChannels, channels],
            init: { fanIn: kernel * kernel * inChannels, fanOut: kernel * kernel * channels },
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
        ...{ kernel, stride, padding: before },
      };
      return convPass(name, { problem, slope, output }, params, x);
    },
  };
}

/**
 * y = activation(x * w + b) for x [batch, height, width, in], w [kernel, kernel, in, channels], b [channels]. Weights of
 * f16 make y, and the gradients of x and y, f16 too (of x, what type it has); b and parameter gradients are f32. Throws
 * `UserError` on options that are not allowed, and from `init` on an input smaller than the kernel.
 *
 * @example
 * ```ts
 * const layer = conv("conv1", { channels: 16, kernel: 3, stride: 2, padding: "same" });
 * console.log(layer.init([32, 28, 28, 1]).output); // [ 32, 14, 14, 16 ]
 * ```
 */
export const conv: LayerConstructor<ConvConfig, ConvOptions> = defineLayer({
  key: "conv",
  schema,
  build,
  describe: ({ kernel, stride, activation }) =>
    `${kernel}x${kernel} convolution${stride === 1 ? "" : `, stride ${stride}`}` +
    (activation === "none" ? "" : `, ${describeActivation(activation)}`),
  channels: "channels",
  poolStride: (name, { stride, ...options }) =>
    stride === 1 ? null : [{ conv: { name, ...options, stride: 1 } }, { maxPool: { kernel: stride, stride } }],
  onnx(options) {
    const { kernel, stride, activation } = options, { before, after } = paddingOf(options);
    const z: OnnxNode = {
      op: "Conv",
      reads: ["x", "w", "b"],
      writes: "z",
      attributes: {
        kernel_shape: { ints: [kernel, kernel] },
        strides: { ints: [stride, stride] },
        pads: { ints: [before, before, after, after] },
      },
    };
    return activation === "none" ? [z] : [z, onnxRelu(activation, "z")];
  },
  torch(options, { input }) {
    const { channels, kernel, stride, activation } = options, { before, after } = paddingOf(options);
    const even = before === after, padding = even ? before : 0;
    const code = `nn.Conv2d(${input[3]}, ${channels}, ${kernel}, stride=${stride}, padding=${padding})`;
    return [
      ...(even ? [] : [{ code: `nn.ZeroPad2d((${before}, ${after}, ${before}, ${after}))` }]),
      { code, params: { w: "weight", b: "bias" } },
      ...(activation === "none" ? [] : [torchActivation(activation)]),
    ];
  },
});
