/** The running totals of losses and errors (loss_kernel.ts). */
import { foldWorkgroups } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

const THREADS = 64;

/**
 * Adds the results of a batch to the running totals: metrics = metrics + sum over n of results[n]. One workgroup, a
 * fixed order of addition. Reads results [batch, 4], adds to metrics (loss, errors, examples, unused).
 */
export const accumulateMetrics: Kernel<{ readonly batch: number }, Fixed> = {
  name: "accumulate_metrics",
  tunings: () => FIXED,
  stages({ batch }) {
    const code = `@group(0) @binding(0) var<storage, read> results: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> metrics: array<vec4f>;
var<workgroup> sums: array<vec4f, ${THREADS}>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec4f();
  for (var k = 0u; k < ${Math.ceil(batch / THREADS)}u; k++) {
    let n = k * ${THREADS}u + lane;
    if (n < ${batch}u) { sum += results[n]; }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    for (var k = 1u; k < ${THREADS}u; k++) { sum += sums[k]; }
    metrics[0] += sum;
  }
}
`;
    return {
      scratch: [],
      dispatches: [{ shader: { code, workgroups: foldWorkgroups(1) }, bindings: [read(0), write(0)] }],
    };
  },
  cost: ({ batch }) => ({ flops: 4 * batch, bytes: 16 * batch }),
};
