/**
 * How fast a device moves memory: y[i] = x[i] for vectors of four floats. Each workgroup copies a block of
 * 256 * vectorsPerThread vectors; neighbouring threads copy neighbouring vectors, and a thread issues all of its loads
 * before its first store.
 */
import { foldWorkgroups, unroll, WORKGROUP_INDEX } from "../wgsl.ts";
import { type Kernel, read, write } from "../kernel.ts";

const THREADS = 256;

/** How much is copied. */
export interface PeakCopyProblem {
  /** How many vec4f; a multiple of 4096, so that no thread needs to check. */
  readonly vectors: number;
}

/** How it is shared among threads. */
export interface PeakCopyTuning {
  /** Vectors of four floats that a thread copies. */
  readonly vectorsPerThread: number;
}

/** Reads x, writes y, each [4 * vectors]. */
export const peakCopy: Kernel<PeakCopyProblem, PeakCopyTuning> = {
  name: "peak_copy",
  tunings: () => [{ vectorsPerThread: 4 }, { vectorsPerThread: 16 }],
  stages({ vectors }, { vectorsPerThread }) {
    const block = THREADS * vectorsPerThread, workgroups = foldWorkgroups(vectors / block);
    const code = `@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let first = (${WORKGROUP_INDEX}) * ${block}u + lane;
  if (first >= ${vectors}u) { return; }
${unroll(vectorsPerThread, (k) => `  let x${k} = x[first + ${k * THREADS}u];`)}
${unroll(vectorsPerThread, (k) => `  y[first + ${k * THREADS}u] = x${k};`)}
}
`;
    return { scratch: [], dispatches: [{ shader: { code, workgroups }, bindings: [read(0), write(0)] }] };
  },
  cost: ({ vectors }) => ({ flops: 0, bytes: 32 * vectors }),
};
