/** Activations that are no ReLU: formulas, words, and what ONNX and PyTorch have for them, a record each. */
import type { OnnxNode } from "../core/graph/export_types.ts";
import type { Formula } from "../kernels/layer/elementwise_map.ts";

interface SmoothRecord {
  readonly formula: Formula;
  readonly words: string;
  /** Nodes that read "x". */
  readonly onnx: readonly OnnxNode[];
  readonly torch: string;
}

const constant = (name: string, value: number): OnnxNode => ({
  op: "Constant",
  reads: [],
  writes: name,
  attributes: { value_float: { f: value } },
});
const node = (op: string, reads: readonly string[], writes: string): OnnxNode => ({ op, reads, writes });

/**
 * The normal distribution's share below x, as half of erfc(-x / sqrt(2)): WGSL has no error function. Chebyshev's
 * approximation with a relative error below 1.2e-7 (Press et al., Numerical Recipes, 2nd edition, section 6.2).
 */
const NORMAL_BELOW = `fn normal_below(x: f32) -> f32 {
  let z = abs(x) * 0.7071067811865476;
  let t = 1.0 / (1.0 + 0.5 * z);
  let series = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let tail = 0.5 * t * exp(series - z * z);
  return select(tail, 1.0 - tail, x > 0.0);
}`;

const gelu: SmoothRecord = {
  formula: {
    y: "x * normal_below(x)",
    dx: "dy * (normal_below(x) + x * 0.3989422804014327 * exp(-0.5 * x * x))",
    functions: NORMAL_BELOW,
  },
  words: "GELU",
  onnx: [
    constant("root", Math.SQRT1_2),
    constant("one", 1),
    constant("half", 0.5),
    node("Mul", ["x", "root"], "scaled"),
    node("Erf", ["scaled"], "erf"),
    node("Add", ["erf", "one"], "twice"),
    node("Mul", ["twice", "half"], "below"),
    node("Mul", ["x", "below"], "y"),
  ],
  torch: "nn.GELU()",
};

const silu: SmoothRecord = {
  formula: {
    y: "x * logistic(x)",
    dx: "dy * logistic(x) * (1.0 + x * (1.0 - logistic(x)))",
    functions: "fn logistic(x: f32) -> f32 { return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0))); }",
  },
  words: "SiLU",
  onnx: [node("Sigmoid", ["x"], "logistic"), node("Mul", ["x", "logistic"], "y")],
  torch: "nn.SiLU()",
};

/** All of them, by what a config calls them. */
export const SMOOTH = { gelu, silu } as const satisfies Readonly<Record<SmoothFunction, SmoothRecord>>;
/** Their names. */
export type SmoothFunction = "gelu" | "silu";
export const isSmooth = (value: unknown): value is SmoothFunction => typeof value === "string" && value in SMOOTH;
