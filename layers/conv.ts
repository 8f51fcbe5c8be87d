/** Convolution with bias and activation. */
import { z } from "zod";
import { convBackwardData } from "../kernels/conv_backward_data.ts";
import { convBackwardWeight } from "../kernels/conv_backward_weight.ts";
import { convForward } from "../kernels/conv_forward.ts";
import type { ConvProblem } from "../kernels/conv_problem.ts";
import { reluPullback } from "../kernels/relu_pullback.ts";
import { UserError } from "../core/errors.ts";
import type { Layer } from "../core/layer.ts";
import { type Op, op } from "../core/op.ts";
import { elements, type Shape, tensor } from "../core/tensor.ts";
import { checkOptions } from "./explain_issue.ts";

const activationSchema = z.union([
  z.enum(["none", "relu"]),
  z.strictObject({ leakyRelu: z.strictObject({ slope: z.number().gt(0).lt(1) }) }),
]);

const optionsSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z][\w-]*$/).describe("Prefix of its parameters: conv1/w, conv1/b"),
  channels: z.int().min(1).describe("Output channels"),
  kernel: z.int().min(1).describe("Height and width of the kernel"),
  stride: z.int().min(1).default(1),
  padding: z.union([z.enum(["same", "valid"]), z.int().min(0)]).default("valid").describe(
    "Zeros around the input: same = (kernel - 1) / 2 on each side, valid = none, or a number",
  ),
  activation: activationSchema.default("none"),
  initialBias: z.number().default(0).describe("Initial value of every bias"),
});
export const convSchema = z.strictObject({ conv: optionsSchema });

/**
 * Name, output channels and kernel size; stride 1, no padding, no activation and biases of 0 unless said otherwise.
 * `padding` is "same" ((kernel - 1) / 2 zeros on each side), "valid" (none) or a number; `activation` is "none", "relu"
 * or `{ leakyRelu: { slope } }`.
 */
export type ConvOptions = z.input<typeof optionsSchema>;
/** The same with nothing left out. */
export type FilledOptions = z.output<typeof optionsSchema>;

/** Zeros before and after, in one dimension. An even kernel with "same" gets the extra zero after. */
export function paddingOf({ padding, kernel }: FilledOptions): { before: number; after: number } {
  if (typeof padding === "number") return { before: padding, after: padding };
  if (padding === "valid") return { before: 0, after: 0 };
  return { before: Math.floor((kernel - 1) / 2), after: Math.ceil((kernel - 1) / 2) };
}

/** The slope of the activation for negative inputs, or null where it is the identity. */
function slopeOf({ activation }: FilledOptions): number | null {
  if (activation === "none") return null;
  return activation === "relu" ? 0 : activation.leakyRelu.slope;
}

/**
 * y = activation(x * w + b) for x [batch, height, width, in], w [kernel, kernel, in, channels], b [channels].
 * Throws `UserError` on an input smaller than the kernel.
 */
export function conv(options: ConvOptions): Layer {
  const filled = checkOptions(optionsSchema, options, `Cannot build conv "${options.name}"`);
  const { name, channels, kernel, stride, initialBias } = filled;
  const { before, after } = paddingOf(filled);
  const slope = slopeOf(filled);
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
    name,
    init(input) {
      const output = outputShape(input);
      const inChannels = input[3]!;
      return {
        output,
        params: {
          w: { shape: [kernel, kernel, inChannels, channels], init: { fanIn: kernel * kernel * inChannels } },
          b: { shape: [channels], init: { constant: initialBias } },
        },
      };
    },
    forward(params, x, _trace) {
      const w = params["w"]!, b = params["b"]!;
      const [batch, height, width, inChannels] = x.shape as [number, number, number, number];
      const y = tensor(`${name}/y`, outputShape(x.shape));
      const problem: ConvProblem = {
        batch,
        height,
        width,
        inChannels,
        outHeight: y.shape[1]!,
        outWidth: y.shape[2]!,
        outChannels: channels,
        kernel,
        stride,
        padding: before,
      };
      return {
        ops: [op(convForward, { ...problem, bias: true, slope }, { label: "forward", reads: [x, w, b], writes: [y] })],
        y,
        pullback(dy, { rule, grads, input }) {
          const ops: Op[] = [];
          let dz = dy;
          if (slope !== null) {
            dz = tensor(`${name}/dz`, y.shape);
            const reads = rule === "deconvnet" ? [dy] : [dy, y];
            const relu = { count: elements(y.shape), rule, slope };
            ops.push(op(reluPullback, relu, { label: "activation", reads, writes: [dz] }));
          }
          if (grads !== null) {
            const writes = [grads["w"]!, grads["b"]!];
            ops.push(op(convBackwardWeight, { ...problem, bias: true }, { label: "dw", reads: [x, dz], writes }));
          }
          if (!input) return { ops, dx: null };
          const dx = tensor(`${name}/dx`, x.shape);
          ops.push(op(convBackwardData, problem, { label: "dx", reads: [dz, w], writes: [dx] }));
          return { ops, dx };
        },
      };
    },
  };
}
