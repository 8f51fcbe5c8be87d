import * as z from "zod";
import type { OnnxNode } from "../../core/graph/export_types.ts";
import type { TransformKind } from "./transform_kind.ts";

/** A norm / scale below this leaves an image centred. */
const LEAST = 1e-8;

/**
 * Global contrast normalization as in pylearn2 (the paper follows Goodfellow et al. 2013): from each image subtract
 * its mean over all values, then divide by its Euclidean norm / `scale`. An image of norm below 1e-8 stays centred.
 * In place; `size` values per image.
 */
export function globalContrastNormalize(images: Float32Array, size: number, scale: number): void {
  for (let start = 0; start < images.length; start += size) {
    let sum = 0;
    for (let i = start; i < start + size; i++) sum += images[i]!;
    const mean = sum / size;
    let squares = 0;
    for (let i = start; i < start + size; i++) squares += (images[i]! - mean) ** 2;
    const norm = Math.sqrt(squares) / scale;
    const factor = norm < LEAST ? 1 : 1 / norm;
    for (let i = start; i < start + size; i++) images[i] = (images[i]! - mean) * factor;
  }
}

/** What `gcn` of a config says. */
export interface GcnConfig {
  /** The Euclidean norm of each image afterwards. */
  readonly scale: number;
}

/** Global contrast normalization. */
export const gcn: TransformKind<"gcn", GcnConfig> = {
  key: "gcn",
  schema: z.strictObject({
    scale: z.number().gt(0).max(1e6).describe("Norm of each image after global contrast normalization"),
  }),
  apply(images, { scale }, { shape: [height, width, channels] }) {
    globalContrastNormalize(images, height * width * channels, scale);
  },
  onnx({ scale }) {
    const attributes = { axes: { ints: [1, 2, 3] }, keepdims: { i: 1 } };
    const nodes: OnnxNode[] = [
      { op: "ReduceMean", reads: ["x"], writes: "mean", attributes },
      { op: "Sub", reads: ["x", "mean"], writes: "centred" },
      { op: "ReduceL2", reads: ["centred"], writes: "length", attributes },
      { op: "Div", reads: ["length", "scale"], writes: "norm" },
      { op: "Less", reads: ["norm", "least"], writes: "flat" },
      { op: "Where", reads: ["flat", "one", "norm"], writes: "divisor" },
      { op: "Div", reads: ["centred", "divisor"], writes: "y" },
    ];
    const number = (value: number) => ({ floats: [value], dims: [] });
    return { nodes, constants: { scale: number(scale), least: number(LEAST), one: number(1) } };
  },
  torch: ({ scale }) => [
    "x = x - x.mean((1, 2, 3), keepdim=True)",
    `norm = x.flatten(1).norm(dim=1).view(-1, 1, 1, 1) / ${scale}`,
    `x = x / torch.where(norm < ${LEAST}, torch.ones_like(norm), norm)`,
  ],
};
