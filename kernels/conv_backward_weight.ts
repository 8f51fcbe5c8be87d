/**
 * The gradient of a convolution's weights:
 *
 *   dw[ky,kx,ci,co] = sum over n,oy,ox of x[n, oy*s + ky - p, ox*s + kx - p, ci] * dy[n,oy,ox,co]
 *
 * Split-K: `parts` shares of the sum over pixels go to scratch, then a second dispatch adds them in a fixed order, so
 * the result is deterministic; with one part dw is written directly. Families: weight_direct.ts, weight_broadcast.ts.
 */
import { convCost, type ConvProblem, flattened } from "./conv_problem.ts";
import { BROADCAST_LANES } from "./gather_families.ts";
import { type Kernel, type Limits, read, scratch, write } from "./kernel.ts";
import { weightBroadcastShader, type WeightBroadcastTuning } from "./weight_broadcast.ts";
import { weightDirectShader, type WeightDirectTuning } from "./weight_direct.ts";
import { elementwise } from "./wgsl.ts";

export type ConvBackwardWeightTuning = WeightDirectTuning | WeightBroadcastTuning;

/** Most scratch that a tuning may ask for, in bytes. */
const MAX_SCRATCH = 2 ** 25;

function tunings(p: ConvProblem, { subgroupSize, bindingBytes }: Limits): ConvBackwardWeightTuning[] {
  const columns = p.outChannels % 4 === 0 ? p.outChannels / 4 : p.outChannels;
  const bytes = 4 * p.kernel ** 2 * p.inChannels * p.outChannels;
  const { batch, outHeight } = p;
  const atMost = Math.max(1, Math.min(batch * outHeight, Math.floor(Math.min(bindingBytes, MAX_SCRATCH) / bytes)));
  const rows = Math.min(4, p.inChannels), lanes = Math.min(32, 2 ** Math.ceil(Math.log2(columns)));
  const broadcast = [8, 1].map((parts): ConvBackwardWeightTuning => ({
    family: "broadcast",
    lanes: BROADCAST_LANES,
    parts: Math.min(parts, atMost),
    stores: 4,
  }));
  const direct = [32, 1].map((parts): ConvBackwardWeightTuning => ({
    family: "direct",
    rows,
    vectors: 1,
    lanes,
    parts: Math.min(parts, atMost),
  }));
  return [...(subgroupSize === BROADCAST_LANES ? broadcast : []), ...direct];
}

/** Reads x [batch, height, width, in] and dy [batch, outHeight, outWidth, out]; writes dw. */
export const convBackwardWeight: Kernel<ConvProblem, ConvBackwardWeightTuning> = {
  name: "conv_backward_weight",
  tunings,
  stages(problem, tuning) {
    const p = flattened(problem);
    const shader = tuning.family === "direct" ? weightDirectShader(problem, tuning) : weightBroadcastShader(p, tuning);
    if (tuning.parts === 1) return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
    const count = p.kernel ** 2 * p.inChannels * p.outChannels;
    const total = elementwise(
      count,
      `@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> dw: array<f32>;`,
      `  var sum = 0.0;
  for (var part = 0u; part < ${tuning.parts}u; part++) { sum += partials[part * ${count}u + i]; }
  dw[i] = sum;`,
    );
    return {
      scratch: [4 * count * tuning.parts],
      dispatches: [
        { shader, bindings: [read(0), read(1), scratch(0)] },
        { shader: total, bindings: [scratch(0), write(0)] },
      ],
    };
  },
  cost: convCost,
};
