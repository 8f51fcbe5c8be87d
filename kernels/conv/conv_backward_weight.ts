/**
 * The gradients of a convolution's weights and bias:
 *
 *   dw[ky,kx,ci,co] = sum over n,oy,ox of x[n, oy*s + ky - p, ox*s + kx - p, ci] * dy[n,oy,ox,co]
 *   db[co]          = sum over n,oy,ox of dy[n,oy,ox,co]
 *
 * Split-K: `parts` shares of the sums over pixels go to scratch, then one dispatch adds them in a fixed order, so the
 * result is deterministic.
 */
import { convCost, tapsOf } from "./conv_problem.ts";
import type { ConvTuning } from "./families/family.ts";
import { plainWeight } from "./families/direct.ts";
import type { ConvBackwardWeightProblem } from "./method.ts";
import { methodOf, weightTunings } from "./tunings.ts";
import { elementBytes } from "../dtype.ts";
import type { Kernel } from "../kernel.ts";

/** Reads x [batch, height, width, in] and dy [batch, outHeight, outWidth, out]; writes dw and, with `bias`, db [out]. */
export const convBackwardWeight: Kernel<ConvBackwardWeightProblem, ConvTuning> = {
  name: "conv_backward_weight",
  tunings: weightTunings,
  reference: ({ batch, outHeight }) => plainWeight(Math.min(16, batch * outHeight)),
  stages: (problem, tuning) => methodOf(tuning).weight.stages(problem, tuning),
  cost(p) {
    const cost = convCost(p), count = tapsOf(p) * p.inChannels * p.outChannels;
    return { ...cost, bytes: cost.bytes + (4 - elementBytes(p.dtype)) * count }; // dw is f32
  },
};
