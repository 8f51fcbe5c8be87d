/**
 * Convolution forward, with bias, activation and dropout fused:
 *
 *   y[n,oy,ox,co] = dropout(activation(b[co] +
 *     sum over ky,kx,ci of x[n, oy*s + ky - p, ox*s + kx - p, ci] * w[ky,kx,ci,co]))
 *
 * The tuning is a family of gather_tunings.ts.
 */
import { convCost, type ConvProblem, flattened } from "./conv_problem.ts";
import type { Dropout } from "../pointwise.ts";
import { type Epilogue, epilogueReads } from "./epilogue.ts";
import type { Axis, GatherConv } from "./operands/gather_conv.ts";
import { PLAIN, productShader } from "./families/gather_families.ts";
import { type GatherTuning, gatherTunings } from "./families/gather_tunings.ts";
import { gatherWinogradStages } from "./winograd/gather_winograd.ts";
import { type Kernel, read, write } from "../kernel.ts";

export interface ConvForwardProblem extends ConvProblem {
  readonly bias: boolean;
  /** Slope of the activation for negative values: 0 for ReLU, null for none. */
  readonly slope: number | null;
  readonly dropout?: Dropout;
}

function gatherOf(p: ConvProblem, epilogue: Epilogue): GatherConv {
  const axis = (count: number): Axis => ({
    count,
    outStart: 0,
    outStep: 1,
    inStart: -p.padding,
    inStep: p.stride,
    tapStep: 1,
    taps: p.kernel,
    sliceStart: 0,
    sliceStep: 1,
  });
  return {
    batch: p.batch,
    input: { height: p.height, width: p.width, channels: p.inChannels },
    output: { height: p.outHeight, width: p.outWidth, channels: p.outChannels },
    y: axis(p.outHeight),
    x: axis(p.outWidth),
    kernel: p.kernel,
    dtype: p.dtype,
    epilogue,
  };
}

/**
 * Reads x [batch, height, width, in], w [kernel, kernel, in, out], b [out] and the step buffer, if any; writes y.
 *
 * @example
 * ```ts
 * const image = { batch: 1, height: 8, width: 8, inChannels: 1, outHeight: 8, outWidth: 8, outChannels: 8 };
 * const problem = { ...image, kernel: 3, stride: 1, padding: 1, bias: true, slope: 0 };
 * const tuning = convForward.tunings(problem, device.limits)[0]!; // the likely fastest comes first
 * const [first] = convForward.stages(problem, tuning).dispatches;
 * console.log(first!.shader.code.includes("@compute"), convForward.cost(problem).flops); // true 9216
 * ```
 */
export const convForward: Kernel<ConvForwardProblem, GatherTuning> = {
  name: "conv_forward",
  tunings: (p, limits) => gatherTunings([gatherOf(flattened(p), p)], limits),
  reference: () => PLAIN,
  stages(problem, tuning) {
    const g = gatherOf(flattened(problem), problem), epilogue = epilogueReads(problem, 2), output = write(0);
    if (tuning.family === "winograd") {
      return gatherWinogradStages(g, tuning, { input: read(0), weights: read(1), transposed: false, epilogue, output });
    }
    const bindings = [read(0), read(1), ...epilogue, output];
    return { scratch: [], dispatches: [{ shader: productShader(g, tuning), bindings }] };
  },
  // Only a result that is never negative, so that its mask stays right (kernels/pointwise.ts).
  absorb: (p, next) => "dropout" in next && p.dropout === undefined && p.slope === 0 ? { ...p, ...next } : null,
  cost: convCost,
};
