import { test } from "uvu";
import * as assert from "uvu/assert";
import { FIXED } from "../../kernels/kernel.ts";
import { peakCopy } from "../../kernels/measure/peak_copy.ts";
import { FMA_STARTS, FMA_THREADS, peakFma } from "../../kernels/measure/peak_fma.ts";
import { gpu, random, relativeError, runOp } from "../_gpu.ts";

const vector = (data: ArrayLike<number>) => ({ shape: [data.length], data });

async function chains(workgroups: number, iterations: number, [a, b]: [number, number], start: ArrayLike<number>) {
  const [y] = await runOp(peakFma, { workgroups, iterations }, FIXED[0]!, {
    reads: [vector([a, b]), vector(start)],
    writes: [{ shape: [FMA_THREADS * workgroups] }],
  });
  return y!;
}

test("peak_fma: each thread runs as many multiply-adds as its cost counts", async () => {
  const workgroups = 3, iterations = 5;
  const { flops } = peakFma.cost({ workgroups, iterations });
  // With a = b = 1 and nothing to start from, every multiply-add counts one.
  const y = await chains(workgroups, iterations, [1, 1], new Float64Array(FMA_STARTS));
  const fmas = y.reduce((sum, each) => sum + each, 0), additions = 11 * y.length;
  assert.is(y.length, 768);
  assert.is(2 * fmas + additions, flops);
});

test("peak_fma: each thread sums twelve chains of its own", async () => {
  const start = random(FMA_STARTS), a = 1 - 2 ** -6, b = 0.25;
  const expected = Float64Array.from({ length: 2 * FMA_THREADS }, (_, thread) => {
    const lane = thread % FMA_THREADS;
    let sum = 0;
    for (let k = 0; k < 12; k++) {
      let x = start[lane + k]!;
      for (let i = 0; i < 2 * 16; i++) x = x * a + b;
      sum += x;
    }
    return sum;
  });
  assert.ok(relativeError(await chains(2, 2, [a, b], start), expected) < 1e-6);
});

test("peak_copy: every tuning copies everything; bytes count reads and writes", async () => {
  const { limits } = await gpu(), problem = { vectors: 3 * 4096 }, x = random(4 * problem.vectors);
  for (const tuning of peakCopy.tunings(problem, limits)) {
    const [y] = await runOp(peakCopy, problem, tuning, { reads: [vector(x)], writes: [{ shape: [x.length] }] });
    assert.equal(y, x, JSON.stringify(tuning));
  }
  assert.equal(peakCopy.cost(problem), { flops: 0, bytes: 2 * 4 * x.length });
});

test.run();
