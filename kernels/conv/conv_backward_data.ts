/**
 * The gradient of a convolution's input, by phases: the input rows h with (h + p) mod s = phase are touched by the
 * kernel rows ky = phase + s*t alone, so no zero of a dilated dy is ever multiplied:
 *
 *   dx[n,h,w,ci] = sum over ty,tx,co of dy[n, (h + p - ky)/s, (w + p - kx)/s, co] * w[ky,kx,ci,co]
 *
 * One dispatch transposes the weights to [ky,kx,co,ci], so that their reads are contiguous, then one dispatch per
 * phase gathers as conv_forward does. Input pixels that no output reads get 0. With a mask, dx is multiplied by the
 * derivative of the ReLU, and of the dropout behind it, that made x (epilogue.ts). The tuning is a family of
 * gather_tunings.ts.
 */
import { convCost, type ConvProblem, flattened } from "./conv_problem.ts";
import { epilogueReads } from "./epilogue.ts";
import type { Mask } from "../pointwise.ts";
import type { Axis, GatherConv } from "./operands/gather_conv.ts";
import { PLAIN, productShader } from "./families/gather_families.ts";
import { type GatherTuning, gatherTunings } from "./families/gather_tunings.ts";
import { gatherWinogradStages } from "./winograd/gather_winograd.ts";
import { arrayBytes, elementBytes, enableDtype, storedType } from "../dtype.ts";
import { type Kernel, read, scratch, type Shader, write } from "../kernel.ts";
import { ceilDiv, elementwise } from "../wgsl.ts";

export interface ConvBackwardDataProblem extends ConvProblem {
  readonly mask?: Mask;
}

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

/** One gather for each phase that touches an input. */
function gathersOf(p: ConvProblem, mask: Mask | undefined): GatherConv[] {
  return Array.from({ length: p.stride ** 2 }, (_, phase): GatherConv => ({
    batch: p.batch,
    input: { height: p.outHeight, width: p.outWidth, channels: p.outChannels },
    output: { height: p.height, width: p.width, channels: p.inChannels },
    y: phaseAxis(p.height, Math.floor(phase / p.stride), p),
    x: phaseAxis(p.width, phase % p.stride, p),
    kernel: p.kernel,
    dtype: p.dtype,
    epilogue: { mask: mask ?? null },
  })).filter(({ y, x }) => y.count * x.count > 0);
}

/** w [slice, in, out] to [slice, out, in]. */
function transposeWeights({ kernel, inChannels, outChannels, dtype }: ConvProblem): Shader {
  const type = storedType("f32", dtype);
  return elementwise(
    kernel ** 2 * inChannels * outChannels,
    `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> w: array<${type}>;
@group(0) @binding(1) var<storage, read_write> transposed: array<${type}>;`,
    `  let ci = i % ${inChannels}u;
  let co = (i / ${inChannels}u) % ${outChannels}u;
  let slice = i / ${inChannels * outChannels}u;
  transposed[i] = w[(slice * ${inChannels}u + ci) * ${outChannels}u + co];`,
  );
}

/**
 * Reads dy [batch, outHeight, outWidth, out], w [kernel, kernel, in, out], and the mask [as dx] if any; writes dx
 * [batch, height, width, in].
 */
export const convBackwardData: Kernel<ConvBackwardDataProblem, GatherTuning> = {
  name: "conv_backward_data",
  tunings: (p, limits) => gatherTunings(gathersOf(flattened(p), p.mask), limits),
  reference: () => PLAIN,
  stages(problem, tuning) {
    const p = flattened(problem), gathers = gathersOf(p, problem.mask);
    const epilogue = epilogueReads(problem, 2), output = write(0);
    if (tuning.family === "winograd") {
      const slots = { input: read(0), weights: read(1), transposed: true, epilogue, output };
      return gatherWinogradStages(gathers[0]!, tuning, slots);
    }
    return {
      scratch: [arrayBytes(p.kernel ** 2 * p.inChannels * p.outChannels, p.dtype)],
      dispatches: [
        { shader: transposeWeights(p), bindings: [read(1), scratch(0)] },
        ...gathers.map((g) => ({
          shader: productShader(g, tuning),
          bindings: [read(0), scratch(0), ...epilogue, output],
        })),
      ],
    };
  },
  absorb: (p, next) => "mask" in next && p.mask === undefined ? { ...p, ...next } : null,
  cost(p) {
    const cost = convCost(p), elements = p.batch * p.height * p.width * p.inChannels;
    return { ...cost, bytes: cost.bytes + (p.mask ? elementBytes(p.dtype) * elements : 0) };
  },
};
