/**
 * Average pooling (pool_windows.ts):
 *
 *   y[n,oy,ox,c] = 1/count * sum over (ky, kx) of x[n, oy*stride + ky - top, ox*stride + kx - left, c]
 *   dx[n,h,w,c] = sum of dy[n,oy,ox,c] / count over the windows that contain (h, w)
 *
 * where count is of the taps that lie in the image, or of all of them. One thread per output, or per input.
 */
import { elementBytes, enableDtype, loaded, stored, storedType } from "../dtype.ts";
import { elementwise, f32 } from "../wgsl.ts";
import { axesOf } from "../per_axis.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";
import { overOutputs, overWindow, poolAxes, type PoolWindows } from "./pool_windows.ts";

/** The windows that are averaged. */
export interface AveragePoolProblem extends PoolWindows {
  /** Does a window's average count what it sees of the padding, as zeros? */
  readonly countPadding: boolean;
}

const taps = ({ kernel }: PoolWindows) => axesOf(kernel).reduce((a, b) => a * b);

function cost(p: AveragePoolProblem) {
  const { inputs, outputs } = poolAxes(p);
  return { flops: outputs * taps(p), bytes: elementBytes(p.dtype) * (inputs + outputs) };
}

/** Reads x, writes y. */
export const averagePoolForward: Kernel<AveragePoolProblem, Fixed> = {
  name: "average_pool_forward",
  tunings: () => FIXED,
  stages(p) {
    const { locate, input, each, count } = overWindow(p), type = storedType("f32", p.dtype);
    const average = p.countPadding ? `sum * ${f32(1 / taps(p))}` : `sum / ${count}`;
    const shader = elementwise(
      poolAxes(p).outputs,
      `${enableDtype(p.dtype)}@group(0) @binding(0) var<storage, read> x: array<${type}>;
@group(0) @binding(1) var<storage, read_write> y: array<${type}>;`,
      `${locate}
  var sum = 0.0;
${each(`sum += ${loaded(input, "f32", p.dtype)};`)}
  y[i] = ${stored(average, "f32", p.dtype)};`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost,
};

/** Reads dy, writes dx. */
export const averagePoolBackward: Kernel<AveragePoolProblem, Fixed> = {
  name: "average_pool_backward",
  tunings: () => FIXED,
  stages(p) {
    const type = storedType("f32", p.dtype), signal = loaded("dy[o]", "f32", p.dtype);
    const body = overOutputs(
      p,
      ({ rows, columns }) =>
        `sum += ${signal} ${p.countPadding ? `* ${f32(1 / taps(p))}` : `/ f32(${rows} * ${columns})`};`,
    );
    const shader = elementwise(
      poolAxes(p).inputs,
      `${enableDtype(p.dtype)}@group(0) @binding(0) var<storage, read> dy: array<${type}>;
@group(0) @binding(1) var<storage, read_write> dx: array<${type}>;`,
      `${body}
  dx[i] = ${stored("sum", "f32", p.dtype)};`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost,
};
