/** A layer that is connected to the whole of its input. */
import * as z from "zod";
import type { Layer } from "../core/graph/layer.ts";
import type { Shape } from "../core/graph/tensor.ts";
import { UserError } from "../core/host/errors.ts";
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

/** What a dense layer is built of, defaults filled in. */
export interface DenseConfig {
  /** Outputs. */
  readonly channels: number;
  /** What is done to the sums, before they are stored. */
  readonly activation: "none" | ReluFunction;
  /** Initial value of every bias. */
  readonly initialBias: number;
}
/** The number of outputs; no activation and biases of 0 unless said otherwise. */
export interface DenseOptions {
  /** Outputs. */
  readonly channels: number;
  /** What is done to the sums, before they are stored; the default is "none". */
  readonly activation?: "none" | ReluFunction | undefined;
  /** Initial value of every bias; the default is 0. */
  readonly initialBias?: number | undefined;
}

const schema: z.ZodType<DenseConfig, DenseOptions> = z.strictObject({
  channels: z.int().min(1).describe("Outputs"),
  activation: fusedActivationSchema.default("none"),
  initialBias: z.number().min(-1e6).max(1e6).default(0).describe("Initial value of every bias"),
});

function build(name: string, { channels, activation, initialBias }: DenseConfig): Omit<Layer, "name" | "made"> {
  function sizes(input: Shape): [batch: number, height: number, width: number, depth: number] {
    if (input.length === 4) return input as [number, number, number, number];
    throw new UserError(`Cannot apply dense "${name}" to [${input.join(", ")}]: it needs a feature map`);
  }
  return {
    half: ["w"],
    window: ([, height, width]) => ({ height: height!, width: width!, stride: 1, before: 0 }),
    init(input) {
      const [batch, height, width, depth] = sizes(input), init = { fanIn: height * width * depth, fanOut: channels };
      return {
        output: [batch, 1, 1, channels],
        params: {
          w: { shape: [height, width, depth, channels], init },
          b: { shape: [channels], init: { constant: initialBias } },
        },
      };
    },
    forward(params, x) {
      // In memory an image is one pixel of that many channels, and so is the kernel: a plain matrix product.
      const [batch, height, width, depth] = sizes(x.shape), inChannels = height * width * depth;
      const pixel = { height: 1, width: 1, outHeight: 1, outWidth: 1, kernel: 1, stride: 1, padding: 0 };
      const slope = activation === "none" ? null : slopeOf(activation), output = [batch, 1, 1, channels];
      return convPass(
        name,
        { problem: { batch, inChannels, outChannels: channels, ...pixel }, slope, output },
        params,
        x,
      );
    },
  };
}

/**
 * y = activation(x * w + b), each output over all of its input: [batch, height, width, in] to [batch, 1, 1, channels], for
 * w [height, width, in, channels] and b [channels]. The same parameters and numbers as those of a convolution whose kernel
 * is as large as the image. Throws `UserError` on options that are not allowed.
 *
 * @example
 * ```ts
 * const { output, params } = dense("dense1", { channels: 10 }).init([32, 7, 7, 64]);
 * console.log(output, params["w"]!.shape); // [ 32, 1, 1, 10 ] [ 7, 7, 64, 10 ]
 * ```
 */
export const dense: LayerConstructor<DenseConfig, DenseOptions> = defineLayer({
  key: "dense",
  schema,
  build,
  describe: ({ activation }) => `dense${activation === "none" ? "" : `, ${describeActivation(activation)}`}`,
  channels: "channels",
  onnx({ activation }, { input: [, height, width] }) {
    const z = {
      op: "Conv",
      reads: ["x", "w", "b"],
      writes: "z",
      attributes: { kernel_shape: { ints: [height!, width!] } },
    };
    return activation === "none" ? [z] : [z, onnxRelu(activation, "z")];
  },
  torch: ({ channels, activation }, { input: [, height, width, depth] }) => [
    {
      code: `nn.Conv2d(${depth}, ${channels}, (${height}, ${width}))`,
      params: { w: "weight", b: "bias" },
      linear: true,
    },
    ...(activation === "none" ? [] : [torchActivation(activation)]),
  ],
});
