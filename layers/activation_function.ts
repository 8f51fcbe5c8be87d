/** ReLU and leaky ReLU, as options of layers and as what ONNX and PyTorch call them. */
import * as z from "zod";
import type { OnnxNode, TorchModule } from "../core/graph/exported.ts";

/** What an activation computes: max(x, 0), or with `slope * x` below 0. */
export type ActivationFunction = "relu" | { readonly leakyRelu: { readonly slope: number } };

type Leaky = Exclude<ActivationFunction, string>;
export const leakyReluSchema: z.ZodType<Leaky, Leaky> = z.strictObject({
  leakyRelu: z.strictObject({ slope: z.number().gt(0).lt(1) }),
});

/** The slope for negative inputs. */
export const slopeOf = (f: ActivationFunction): number => f === "relu" ? 0 : f.leakyRelu.slope;

export const describeActivation = (f: ActivationFunction): string => f === "relu" ? "ReLU" : "leaky ReLU";

/** Reads `x`, writes "y". */
export const onnxActivation = (f: ActivationFunction, x: string): OnnxNode => ({
  op: f === "relu" ? "Relu" : "LeakyRelu",
  reads: [x],
  writes: "y",
  ...(f === "relu" ? {} : { attributes: { alpha: { f: f.leakyRelu.slope } } }),
});

export const torchActivation = (f: ActivationFunction): TorchModule => ({
  code: f === "relu" ? "nn.ReLU()" : `nn.LeakyReLU(${f.leakyRelu.slope})`,
});
