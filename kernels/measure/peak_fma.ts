/**
 * How fast a device multiplies and adds: thread t runs 12 independent chains
 *
 *   x[k] = x[k] * a + b,  k = 0 ... 11,  16 * iterations times each,  starting from x[k] = start[lane + k]
 *
 * in registers and stores their sum in y[t]. Twelve chains hide the latency of the addition and still fit the 16
 * vector registers of AVX2; the values differ between threads, and a, b are data, so no compiler can shorten the work.
 */
import { foldWorkgroups, unroll, WORKGROUP_INDEX } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** Threads of one workgroup; y has as many elements per workgroup. */
export const FMA_THREADS = 256;
/** Elements of `start`. */
export const FMA_STARTS: number = FMA_THREADS + 11;

const CHAINS = 12;
/** Copies of the loop's body: on llvmpipe the loop itself costs a fifth of the time at 8. */
const UNROLLED = 16;

/** How much is computed. */
export interface PeakFmaProblem {
  /** More workgroups are more work with the same shader. */
  readonly workgroups: number;
  /** Rounds of 16 multiply-adds in each chain. */
  readonly iterations: number;
}

/** Reads [a, b] and start [267], writes y [256 * workgroups]. */
export const peakFma: Kernel<PeakFmaProblem, Fixed> = {
  name: "peak_fma",
  tunings: () => FIXED,
  stages({ workgroups, iterations }) {
    const code = `@group(0) @binding(0) var<storage, read> factors: array<f32>;
@group(0) @binding(1) var<storage, read> start: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(${FMA_THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let t = (${WORKGROUP_INDEX}) * ${FMA_THREADS}u + lane;
  let a = factors[0];
  let b = factors[1];
${unroll(CHAINS, (k) => `  var x${k} = start[lane + ${k}u];`)}
  for (var i = 0u; i < ${iterations}u; i++) {
${unroll(UNROLLED, () => unroll(CHAINS, (k) => `    x${k} = fma(x${k}, a, b);`))}
  }
  if (t >= arrayLength(&y)) { return; }
  y[t] = ${unroll(CHAINS, (k) => `x${k}`, " + ")};
}
`;
    const shader = { code, workgroups: foldWorkgroups(workgroups) };
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
  },
  cost({ workgroups, iterations }) {
    const threads = FMA_THREADS * workgroups, fmas = CHAINS * UNROLLED * iterations;
    return { flops: threads * (2 * fmas + CHAINS - 1), bytes: 4 * (2 + FMA_STARTS + threads) };
  },
};
