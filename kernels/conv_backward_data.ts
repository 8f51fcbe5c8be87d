/**
 * The gradient of a convolution's input, by phases: the input rows h with (h + p) mod s = phase are touched by the
 * kernel rows ky = phase + s*t alone, so no zero of a dilated dy is ever multiplied:
 *
 *   dx[n,h,w,ci] = sum over ty,tx,co of dy[n, (h + p - ky)/s, (w + p - kx)/s, co] * w[ky,kx,ci,co]
 *
 * One dispatch transposes the weights to [ky,kx,co,ci], so that their reads are contiguous, then one dispatch per
 * phase gathers as conv_forward does. Input pixels that no output reads get 0. The tuning is a family of
 * gather_families.ts.
 */
import { convCost, type ConvProblem, flattened } from "./conv_problem.ts";
import type { Axis } from "./gather_conv.ts";
import { gatherShader, type GatherTuning, gatherTunings } from "./gather_families.ts";
import { type Kernel, read, scratch, type Stage, write } from "./kernel.ts";
import { ceilDiv, elementwise } from "./wgsl.ts";

/** The inputs start, start + s, ... of one dimension, which the kernel offsets phase, phase + s, ... reach. */
function phaseAxis(size: number, phase: number, { stride, padding, kernel }: ConvProblem): Axis {
  const start = (((phase - padding) % stride) + stride) % stride; // first h with (h + p) mod s = phase
  return {
    count: Math.max(0, ceilDiv(size - start, stride)),
    outStart: start,
    outStep: stride,
    inStart: (start + padding - phase) / stride,
    inStep: 1,
    tapStep: -1,
    taps: Math.max(0, ceilDiv(kernel - phase, stride)),
    sliceStart: phase,
    sliceStep: stride,
  };
}

/** Reads dy [batch, outHeight, outWidth, out] and w [kernel, kernel, in, out]; writes dx. */
export const convBackwardData: Kernel<ConvProblem, GatherTuning> = {
  name: "conv_backward_data",
  tunings: (p, limits) => gatherTunings(p.inChannels, limits),
  stages(problem, tuning) {
    const p = flattened(problem);
    const weights = p.kernel ** 2 * p.inChannels * p.outChannels;
    const transpose = elementwise(
      weights,
      `@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> transposed: array<f32>;`,
      `  let ci = i % ${p.inChannels}u;
  let co = (i / ${p.inChannels}u) % ${p.outChannels}u;
  let slice = i / ${p.inChannels * p.outChannels}u;
  transposed[i] = w[(slice * ${p.inChannels}u + ci) * ${p.outChannels}u + co];`,
    );
    const phases = Array.from({ length: p.stride ** 2 }, (_, index) => index).flatMap((index): Stage[] => {
      const y = phaseAxis(p.height, Math.floor(index / p.stride), p);
      const x = phaseAxis(p.width, index % p.stride, p);
      if (y.count * x.count === 0) return [];
      const shader = gatherShader({
        batch: p.batch,
        input: { height: p.outHeight, width: p.outWidth, channels: p.outChannels },
        output: { height: p.height, width: p.width, channels: p.inChannels },
        y,
        x,
        kernel: p.kernel,
        bias: false,
        slope: null,
      }, tuning);
      return [{ shader, bindings: [read(0), scratch(0), write(0)] }];
    });
    return {
      scratch: [4 * weights],
      dispatches: [{ shader: transpose, bindings: [read(1), scratch(0)] }, ...phases],
    };
  },
  cost: convCost,
};
