/**
 * Batch normalization (Ioffe and Szegedy 2015, arXiv 1502.03167) of x [rows, channels], a row being a pixel of an image:
 *
 *   statistics   of each channel the mean m and r = 1 / sqrt(variance + epsilon), [2, channels]
 *   forward      y = gamma * h + beta, h = (x - m) * r
 *   sums         dgamma = sum of dy * h, dbeta = sum of dy, over rows
 *   backward     dx = gamma * r * (dy - (dbeta + h * dgamma) / rows)
 *
 * In evaluation the statistics are those that training kept, and dx = gamma * r * dy. Statistics and sums are in
 * batch_norm_sums.ts. A thread has one channel, or four neighbours, of several rows.
 */
import { enableDtype, loaded, stored, storedType } from "../dtype.ts";
import { f32, strided } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, type Shader, write } from "../kernel.ts";
import type { Relu } from "../pointwise.ts";
import { batchNormCost, type BatchNormProblem } from "./batch_norm_problem.ts";
import { reluOf } from "./relu.ts";

/**
 * The shader that computes `result` for each element, or four, from those of `reads` that are of all
 * elements, and from what `once` makes of the others for the channel `c`; `mean` and `factor` are its statistics.
 */
function perChannel(
  { rows, channels, dtype }: BatchNormProblem,
  { reads, once, result }: {
    /** Names of what is read, in the order of its bindings: "x", "dy" of all elements, the others of a channel. */
    readonly reads: readonly string[];
    readonly once: string;
    /** From the values of x and dy. */
    readonly result: (type: "f32" | "vec4f") => string;
  },
): Shader {
  const width = channels % 4 === 0 ? 4 : 1, type = width === 4 ? "vec4f" : "f32";
  const isArray = (name: string) => name === "x" || name === "dy", array = storedType(type, dtype);
  const bound = reads.map((name, n) =>
    `@group(0) @binding(${n}) var<storage, read> ${name}_values: array<${isArray(name) ? array : type}>;`
  );
  const period = channels / width;
  return strided(
    {
      count: rows * period,
      period,
      once: `  let c = start % ${period}u;
  let mean = statistics_values[c];
  let factor = statistics_values[${period}u + c];
${once}`,
    },
    `${enableDtype(dtype)}${bound.join("\n")}
@group(0) @binding(${reads.length}) var<storage, read_write> results: array<${array}>;`,
    [
      ...reads.filter(isArray).map((name) => `      let ${name} = ${loaded(`${name}_values[at]`, type, dtype)};`),
      `      let result = ${result(type)};`,
      `      results[at] = ${stored("result", type, dtype)};`,
    ].join("\n"),
  );
}

const FORWARD = ["x", "statistics", "gamma", "beta"];

/** Reads x, the statistics, gamma, beta; writes y, behind a ReLU where there is one. */
export const batchNormForward: Kernel<BatchNormProblem & { readonly relu?: Relu }, Fixed> = {
  name: "batch_norm_forward",
  tunings: () => FIXED,
  absorb: (p, next) => "relu" in next && p.relu === undefined ? { ...p, ...next } : null,
  stages(p) {
    const shader = perChannel(p, {
      reads: FORWARD,
      once: "  let gamma = gamma_values[c];\n  let beta = beta_values[c];",
      result: (type) => {
        const y = "gamma * ((x - mean) * factor) + beta";
        return p.relu === undefined ? y : reluOf(`(${y})`, p.relu.slope, type);
      },
    });
    return { scratch: [], dispatches: [{ shader, bindings: [...FORWARD.map((_, n) => read(n)), write(0)] }] };
  },
  cost: batchNormCost(4, 2),
};

/** In training reads dy, the statistics, gamma, x, dgamma, dbeta, else the first three; writes dx. */
export const batchNormBackward: Kernel<BatchNormProblem & { readonly training: boolean }, Fixed> = {
  name: "batch_norm_backward",
  tunings: () => FIXED,
  stages(p) {
    const reads = ["dy", "statistics", "gamma", ...(p.training ? ["x", "dgamma", "dbeta"] : [])];
    const sums = "  let dgamma = dgamma_values[c];\n  let dbeta = dbeta_values[c];";
    const dh = p.training ? `dy - (dbeta + (x - mean) * factor * dgamma) * ${f32(1 / p.rows)}` : "dy";
    const shader = perChannel(p, {
      reads,
      once: `  let scale = gamma_values[c] * factor;${p.training ? `\n${sums}` : ""}`,
      result: () => `scale * (${dh})`,
    });
    return { scratch: [], dispatches: [{ shader, bindings: [...reads.map((_, n) => read(n)), write(0)] }] };
  },
  cost: (p) => batchNormCost(p.training ? 7 : 1, p.training ? 3 : 2)(p),
};
