/**
 * Clips the gradient of a step to a norm (Pascanu et al. 2013, arXiv 1211.5063): with |g| the Euclidean norm over all
 * parameters,
 *
 *   g[i] = g[i] * min(1, clipNorm / |g|)
 *
 * in three ops: the squares of each chunk of the gradients are summed in shares, the shares of all chunks become a
 * factor, and each chunk is multiplied by it. Sums have a fixed order.
 */
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";
import { LOSS_SCALE } from "./loss_scale.ts";
import { elementwise, f32 } from "../wgsl.ts";

/** Shares into which the squares of a chunk are summed: each is one thread's. */
export const NORM_SHARES = 1024;

/** Reads a chunk of gradients [count]; writes the sums of squares of every `NORM_SHARES`-th element [NORM_SHARES]. */
export const squareSums: Kernel<{ readonly count: number }, Fixed> = {
  name: "square_sums",
  tunings: () => FIXED,
  stages({ count }) {
    const shader = elementwise(
      NORM_SHARES,
      `@group(0) @binding(0) var<storage, read> gradients: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;`,
      `  var sum = 0.0;
  for (var k = i; k < ${count}u; k += ${NORM_SHARES}u) { sum += gradients[k] * gradients[k]; }
  sums[i] = sum;`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ count }) => ({ flops: 2 * count, bytes: 4 * (count + NORM_SHARES) }),
};

/** What the factor is made of. */
export interface ClipFactorProblem {
  /** Shares of all chunks. */
  readonly count: number;
  /** The largest norm that gradients keep. */
  readonly clipNorm: number;
  /** Are the gradients multiplied by a loss scale? Absent: no. */
  readonly scaled?: true;
}

/** Reads the shares [count] and, with `scaled`, the loss scale; writes the factor [1]. One thread. */
export const clipFactor: Kernel<ClipFactorProblem, Fixed> = {
  name: "clip_factor",
  tunings: () => FIXED,
  stages({ count, clipNorm, scaled = false }) {
    const shader = elementwise(
      1,
      `@group(0) @binding(0) var<storage, read> sums: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> factor: array<f32>;${
        scaled ? `${LOSS_SCALE}\n@group(0) @binding(2) var<storage, read> loss_scale: LossScale;` : ""
      }`,
      `  var sum = vec4f();
  for (var k = 0u; k < ${count / 4}u; k++) { sum += sums[k]; }
  let norm = sqrt(dot(sum, vec4f(1.0)))${scaled ? " / loss_scale.scale" : ""};
  factor[0] = select(1.0, ${f32(clipNorm)} / norm, norm > ${f32(clipNorm)});`,
    );
    const bindings = scaled ? [read(0), write(0), read(1)] : [read(0), write(0)];
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost: ({ count }) => ({ flops: count, bytes: 4 * count }),
};

/** Multiplies a chunk of gradients [count], in place, by the factor [1] that it reads. */
export const scaleGradients: Kernel<{ readonly count: number }, Fixed> = {
  name: "scale_gradients",
  tunings: () => FIXED,
  stages({ count }) {
    const shader = elementwise(
      count,
      `@group(0) @binding(0) var<storage, read> factor: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradients: array<f32>;`,
      "  gradients[i] *= factor[0];",
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ count }) => ({ flops: count, bytes: 8 * count }),
};
