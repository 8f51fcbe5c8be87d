/**
 * Convolution forward, with bias and activation fused:
 *
 *   y[n,oy,ox,co] = activation(b[co] + sum over ky,kx,ci of x[n, oy*s + ky - p, ox*s + kx - p, ci] * w[ky,kx,ci,co])
 *
 * The tuning is a family of gather_families.ts.
 */
import { convCost, type ConvProblem, flattened } from "./conv_problem.ts";
import type { Axis } from "./gather_conv.ts";
import { gatherShader, type GatherTuning, gatherTunings } from "./gather_families.ts";
import { type Kernel, read, write } from "./kernel.ts";

export interface ConvForwardProblem extends ConvProblem {
  readonly bias: boolean;
  /** Slope of the activation for negative values: 0 for ReLU, null for none. */
  readonly slope: number | null;
}

/** Reads x [batch, height, width, in], w [kernel, kernel, in, out] and b [out] if any; writes y. */
export const convForward: Kernel<ConvForwardProblem, GatherTuning> = {
  name: "conv_forward",
  tunings: (p, limits) => gatherTunings(p.outChannels, limits),
  stages(problem, tuning) {
    const p = flattened(problem);
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
    const shader = gatherShader({
      batch: p.batch,
      input: { height: p.height, width: p.width, channels: p.inChannels },
      output: { height: p.outHeight, width: p.outWidth, channels: p.outChannels },
      y: axis(p.outHeight),
      x: axis(p.outWidth),
      kernel: p.kernel,
      bias: p.bias,
      slope: p.slope,
    }, tuning);
    const bindings = [read(0), read(1), ...(p.bias ? [read(2)] : []), write(0)];
    return { scratch: [], dispatches: [{ shader, bindings }] };
  },
  cost: convCost,
};
