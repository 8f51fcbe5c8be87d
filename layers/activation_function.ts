/** Activations, as options of layers and as what ONNX and PyTorch call them. */
import * as z from "zod";
import type { OnnxNode, TorchModule } from "../core/graph/export_types.ts";
import { isSmooth, SMOOTH, type SmoothFunction } from "./smooth_function.ts";

/** max(x, 0), or with `slope * x` below 0: what a convolution can do as it stores its sums. */
export type ReluFunction = "relu" | { readonly leakyRelu: { readonly slope: number } };

/** What an activation computes: also x times the normal distribution's share below x, and x times its logistic function. */
export type ActivationFunction = ReluFunction | "gelu" | "silu";

type Leaky = Exclude<ReluFunction, string>;
const leakyReluSchema: z.ZodType<Leaky, Leaky> = z.strictObject({
  leakyRelu: z.strictObject({ slope: z.number().gt(0).lt(1) }),
});

export const activationSchema: z.ZodType<ActivationFunction, ActivationFunction> = z.union([
  z.enum(["relu", ...Object.keys(SMOOTH) as SmoothFunction[]]),
  leakyReluSchema,
]);

/** Of a layer with weights: none, or one whose derivative can be told from the layer's output, which is all that is kept. */
export const fusedActivationSchema: z.ZodType<"none" | ReluFunction, "none" | ReluFunction> = z.union(
  [z.enum(["none", "relu"]), leakyReluSchema],
  {
    error: ({ input }) =>
      isSmooth(input)
        ? `the gradient of ${input} needs what comes before it, which this layer does not keep: put ` +
          `{ activation: { function: ${input} } } behind it`
        : undefined,
  },
);

/** The slope for negative inputs. */
export const slopeOf = (f: ReluFunction): number => f === "relu" ? 0 : f.leakyRelu.slope;

export const describeActivation = (f: ActivationFunction): string =>
  isSmooth(f) ? SMOOTH[f].words : f === "relu" ? "ReLU" : "leaky ReLU";

/** Reads `x`, writes "y". */
export const onnxRelu = (f: ReluFunction, x: string): OnnxNode => ({
  op: f === "relu" ? "Relu" : "LeakyRelu",
  reads: [x],
  writes: "y",
  ...(f === "relu" ? {} : { attributes: { alpha: { f: f.leakyRelu.slope } } }),
});

export const torchActivation = (f: ActivationFunction): TorchModule => ({
  code: isSmooth(f) ? SMOOTH[f].torch : f === "relu" ? "nn.ReLU()" : `nn.LeakyReLU(${f.leakyRelu.slope})`,
});
