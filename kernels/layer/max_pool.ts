/**
 * Max pooling as in Caffe: the output size rounds up and windows are clipped at the border.
 *
 *   y[n,oy,ox,c] = max over (ky, kx) of x[n, oy*stride + ky, ox*stride + kx, c]
 *   switch[n,oy,ox,c] = ky * kernel + kx of the first maximum
 *   dx[n,h,w,c] = sum of dy[n,oy,ox,c] over the windows whose switch points at (h, w); without switches, over all
 *                 windows that contain (h, w), each divided by its number of elements
 *
 * Forward: one thread per output element. Backward: one thread per input element, which gathers from the windows that
 * contain it, so no two threads write one address.
 */
import { elementBytes, enableDtype, type FloatType, loaded, stored, storedType } from "../dtype.ts";
import { ceilDiv, elementwise } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

export interface MaxPoolProblem {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
  /** Does the forward pass record switches, and the backward pass follow them? */
  readonly switches: boolean;
  /** Of x, y and their gradients. */
  readonly dtype?: FloatType;
}

/** Rows or columns after pooling: rounded up, and the last window starts inside the input. */
export function pooledSize(size: number, kernel: number, stride: number): number {
  const rounded = Math.max(ceilDiv(size - kernel, stride), 0) + 1;
  return (rounded - 1) * stride >= size ? rounded - 1 : rounded;
}

function sizes(p: MaxPoolProblem) {
  const outHeight = pooledSize(p.height, p.kernel, p.stride), outWidth = pooledSize(p.width, p.kernel, p.stride);
  return {
    outHeight,
    outWidth,
    inputs: p.batch * p.height * p.width * p.channels,
    outputs: p.batch * outHeight * outWidth * p.channels,
  };
}

/** Reads x, writes y and, if asked for, the switches (u32). */
export const maxPoolForward: Kernel<MaxPoolProblem, Fixed> = {
  name: "max_pool_forward",
  tunings: () => FIXED,
  stages(p) {
    const { outHeight, outWidth, outputs } = sizes(p), type = storedType("f32", p.dtype);
    const shader = elementwise(
      outputs,
      `${enableDtype(p.dtype)}@group(0) @binding(0) var<storage, read> x: array<${type}>;
@group(0) @binding(1) var<storage, read_write> y: array<${type}>;
${p.switches ? "@group(0) @binding(2) var<storage, read_write> switches: array<u32>;" : ""}`,
      `  let c = i % ${p.channels}u;
  let ox = (i / ${p.channels}u) % ${outWidth}u;
  let oy = (i / ${p.channels * outWidth}u) % ${outHeight}u;
  let n = i / ${p.channels * outWidth * outHeight}u;
  let rows = min(${p.kernel}u, ${p.height}u - oy * ${p.stride}u);
  let columns = min(${p.kernel}u, ${p.width}u - ox * ${p.stride}u);
  let corner = ((n * ${p.height}u + oy * ${p.stride}u) * ${p.width}u + ox * ${p.stride}u) * ${p.channels}u + c;
  var best = x[corner];
  var at = 0u;
  for (var ky = 0u; ky < rows; ky++) {
    for (var kx = 0u; kx < columns; kx++) {
      let value = x[corner + (ky * ${p.width}u + kx) * ${p.channels}u];
      if (value > best) { best = value; at = ky * ${p.kernel}u + kx; }
    }
  }
  y[i] = best;
  ${p.switches ? "switches[i] = at;" : ""}`,
    );
    const bindings = p.switches ? [read(0), write(0), write(1)] : [read(0), write(0)];
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost(p) {
    const { inputs, outputs } = sizes(p);
    return { flops: outputs * p.kernel ** 2, bytes: elementBytes(p.dtype) * (inputs + outputs) };
  },
};

/** Reads dy and, with switches, these; writes dx. */
export const maxPoolBackward: Kernel<MaxPoolProblem, Fixed> = {
  name: "max_pool_backward",
  tunings: () => FIXED,
  stages(p) {
    const { outHeight, outWidth, inputs } = sizes(p), type = storedType("f32", p.dtype);
    const before = p.kernel - p.stride; // windows that start this far before an input element still contain it
    const first = (at: string) =>
      before < 0 ? `${at} / ${p.stride}u` : `(max(${at}, ${before}u) - ${before}u) / ${p.stride}u`;
    const signal = loaded("dy[o]", "f32", p.dtype);
    const add = p.switches
      ? `let tap = (h - oy * ${p.stride}u) * ${p.kernel}u + w - ox * ${p.stride}u;
        if (switches[o] == tap) { sum += ${signal}; }`
      : `let rows = min(${p.kernel}u, ${p.height}u - oy * ${p.stride}u);
        sum += ${signal} / f32(rows * min(${p.kernel}u, ${p.width}u - ox * ${p.stride}u));`;
    const shader = elementwise(
      inputs,
      `${enableDtype(p.dtype)}@group(0) @binding(0) var<storage, read> dy: array<${type}>;
${p.switches ? "@group(0) @binding(1) var<storage, read> switches: array<u32>;" : ""}
@group(0) @binding(${p.switches ? 2 : 1}) var<storage, read_write> dx: array<${type}>;`,
      `  let c = i % ${p.channels}u;
  let w = (i / ${p.channels}u) % ${p.width}u;
  let h = (i / ${p.channels * p.width}u) % ${p.height}u;
  let n = i / ${p.channels * p.width * p.height}u;
  var sum = 0.0;
  for (var oy = ${first("h")}; oy < min(h / ${p.stride}u + 1u, ${outHeight}u); oy++) {
    for (var ox = ${first("w")}; ox < min(w / ${p.stride}u + 1u, ${outWidth}u); ox++) {
      let o = ((n * ${outHeight}u + oy) * ${outWidth}u + ox) * ${p.channels}u + c;
      if (h - oy * ${p.stride}u < ${p.kernel}u && w - ox * ${p.stride}u < ${p.kernel}u) {
        ${add}
      }
    }
  }
  dx[i] = ${stored("sum", "f32", p.dtype)};`,
    );
    const reads = p.switches ? [read(0), read(1)] : [read(0)];
    return { scratch: [], dispatches: [{ shader, bindings: [...reads, write(0)] }] };
  },
  cost(p) {
    const { inputs, outputs } = sizes(p);
    return {
      flops: outputs * p.kernel ** 2,
      bytes: elementBytes(p.dtype) * (inputs + outputs) + (p.switches ? 4 * outputs : 0),
    };
  },
};
