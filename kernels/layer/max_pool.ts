/**
 * Max pooling (pool_windows.ts):
 *
 *   y[n,oy,ox,c] = max over (ky, kx) of x[n, oy*stride + ky - top, ox*stride + kx - left, c]
 *   switch[n,oy,ox,c] = ky * kernel + kx of the first maximum
 *   dx[n,h,w,c] = sum of dy[n,oy,ox,c] over the windows whose switch points at (h, w); without switches, over all
 *                 windows that contain (h, w), each divided by its number of elements
 *
 * Forward: one thread per output element. Backward: one thread per input element, which gathers from the windows that
 * contain it, so no two threads write one address.
 */
import { elementBytes, enableDtype, loaded, stored, storedType } from "../dtype.ts";
import { elementwise } from "../wgsl.ts";
import { axesOf } from "../per_axis.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";
import { overOutputs, overWindow, poolAxes, type PoolWindows } from "./pool_windows.ts";

/** The windows that are pooled. */
export interface MaxPoolProblem extends PoolWindows {
  /** Does the forward pass record switches, and the backward pass follow them? */
  readonly switches: boolean;
}

const taps = ({ kernel }: PoolWindows) => axesOf(kernel).reduce((a, b) => a * b);

/** Reads x, writes y and, if asked for, the switches (u32). */
export const maxPoolForward: Kernel<MaxPoolProblem, Fixed> = {
  name: "max_pool_forward",
  tunings: () => FIXED,
  stages(p) {
    const { outputs } = poolAxes(p), type = storedType("f32", p.dtype), [, across] = axesOf(p.kernel);
    const { locate, first, input, each } = overWindow(p);
    const whole = first.y === "0u" && first.x === "0u";
    const shader = elementwise(
      outputs,
      `${enableDtype(p.dtype)}@group(0) @binding(0) var<storage, read> x: array<${type}>;
@group(0) @binding(1) var<storage, read_write> y: array<${type}>;
${p.switches ? "@group(0) @binding(2) var<storage, read_write> switches: array<u32>;" : ""}`,
      `${locate}
  var best = ${first.input};
  var at = ${whole ? "0u" : `${first.y} * ${across}u + ${first.x}`};
${
        each(`let value = ${input};
      if (value > best) { best = value; at = ky * ${across}u + kx; }`)
      }
  y[i] = best;
  ${p.switches ? "switches[i] = at;" : ""}`,
    );
    const bindings = p.switches ? [read(0), write(0), write(1)] : [read(0), write(0)];
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost(p) {
    const { inputs, outputs } = poolAxes(p);
    return { flops: outputs * taps(p), bytes: elementBytes(p.dtype) * (inputs + outputs) };
  },
};

/** Reads dy and, with switches, these; writes dx. */
export const maxPoolBackward: Kernel<MaxPoolProblem, Fixed> = {
  name: "max_pool_backward",
  tunings: () => FIXED,
  stages(p) {
    const { inputs } = poolAxes(p), type = storedType("f32", p.dtype), signal = loaded("dy[o]", "f32", p.dtype);
    const body = overOutputs(p, ({ tap, rows, columns }) =>
      p.switches
        ? `let tap = ${tap};
        if (switches[o] == tap) { sum += ${signal}; }`
        : `let rows = ${rows};
        sum += ${signal} / f32(rows * ${columns});`);
    const shader = elementwise(
      inputs,
      `${enableDtype(p.dtype)}@group(0) @binding(0) var<storage, read> dy: array<${type}>;
${p.switches ? "@group(0) @binding(1) var<storage, read> switches: array<u32>;" : ""}
@group(0) @binding(${p.switches ? 2 : 1}) var<storage, read_write> dx: array<${type}>;`,
      `${body}
  dx[i] = ${stored("sum", "f32", p.dtype)};`,
    );
    const reads = p.switches ? [read(0), read(1)] : [read(0)];
    return { scratch: [], dispatches: [{ shader, bindings: [...reads, write(0)] }] };
  },
  cost(p) {
    const { inputs, outputs } = poolAxes(p);
    return {
      flops: outputs * taps(p),
      bytes: elementBytes(p.dtype) * (inputs + outputs) + (p.switches ? 4 * outputs : 0),
    };
  },
};
