/**
 * Global average pooling over all positions p of a feature map:
 *
 *   y[n,c] = 1/positions * sum over p of x[n,p,c]          one thread per (n, c)
 *   dx[n,p,c] = 1/positions * dy[n,c]                      one thread per (n, p, c)
 */
import { elementBytes, enableDtype, type FloatType, loaded, stored, storedType } from "../dtype.ts";
import { elementwise, f32 } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** Activations that are averaged over positions. */
export interface GlobalAveragePoolProblem {
  /** Examples. */
  readonly batch: number;
  /** height * width of the map that is averaged. */
  readonly positions: number;
  /** Channels. */
  readonly channels: number;
  /** Is the map, and its gradient, f16? The averages and their gradient are f32 in any case. Absent: f32. */
  readonly dtype?: FloatType;
}

const cost = ({ batch, positions, channels, dtype }: GlobalAveragePoolProblem) => ({
  flops: batch * positions * channels,
  bytes: batch * channels * (elementBytes(dtype) * positions + 4),
});

/** Reads x, writes y. */
export const globalAveragePoolForward: Kernel<GlobalAveragePoolProblem, Fixed> = {
  name: "global_average_pool_forward",
  tunings: () => FIXED,
  stages({ batch, positions, channels, dtype }) {
    const shader = elementwise(
      batch * channels,
      `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> x: array<${storedType("f32", dtype)}>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;`,
      `  let start = (i / ${channels}u) * ${positions * channels}u + i % ${channels}u;
  var sum = 0.0;
  for (var p = 0u; p < ${positions}u; p++) { sum += ${loaded(`x[start + p * ${channels}u]`, "f32", dtype)}; }
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
  stages({ batch, positions, channels, dtype }) {
    const shader = elementwise(
      batch * positions * channels,
      `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<${storedType("f32", dtype)}>;`,
      `  dx[i] = ${
        stored(
          `dy[(i / ${positions * channels}u) * ${channels}u + i % ${channels}u] * ${f32(1 / positions)}`,
          "f32",
          dtype,
        )
      };`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost,
};
