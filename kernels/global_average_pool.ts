/**
 * Global average pooling over all positions p of a feature map:
 *
 *   y[n,c] = 1/positions * sum over p of x[n,p,c]          one thread per (n, c)
 *   dx[n,p,c] = 1/positions * dy[n,c]                      one thread per (n, p, c)
 */
import { elementwise, f32 } from "./wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "./kernel.ts";

export interface GlobalAveragePoolProblem {
  readonly batch: number;
  /** height * width of the map that is averaged. */
  readonly positions: number;
  readonly channels: number;
}

const cost = ({ batch, positions, channels }: GlobalAveragePoolProblem) => ({
  flops: batch * positions * channels,
  bytes: 4 * batch * channels * (positions + 1),
});

/** Reads x, writes y. */
export const globalAveragePoolForward: Kernel<GlobalAveragePoolProblem, Fixed> = {
  name: "global_average_pool_forward",
  tunings: () => FIXED,
  stages({ batch, positions, channels }) {
    const shader = elementwise(
      batch * channels,
      `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;`,
      `  let start = (i / ${channels}u) * ${positions * channels}u + i % ${channels}u;
  var sum = 0.0;
  for (var p = 0u; p < ${positions}u; p++) { sum += x[start + p * ${channels}u]; }
  y[i] = sum * ${f32(1 / positions)};`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost,
};

/** Reads dy, writes dx. */
export const globalAveragePoolBackward: Kernel<GlobalAveragePoolProblem, Fixed> = {
  name: "global_average_pool_backward",
  tunings: () => FIXED,
  stages({ batch, positions, channels }) {
    const shader = elementwise(
      batch * positions * channels,
      `@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;`,
      `  dx[i] = dy[(i / ${positions * channels}u) * ${channels}u + i % ${channels}u] * ${f32(1 / positions)};`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost,
};
