import { test } from "uvu";
import * as assert from "uvu/assert";
import { accumulate } from "../../kernels/train/accumulate.ts";
import { batchNormBackward, batchNormForward } from "../../kernels/layer/batch_norm.ts";
import { dropout } from "../../kernels/layer/dropout.ts";
import { reluPullback } from "../../kernels/layer/relu_pullback.ts";
import { sgdUpdate } from "../../kernels/train/sgd.ts";
import { elementwiseKernel } from "../../kernels/elementwise_kernel.ts";
import { symmetrize } from "../../kernels/data/symmetrize.ts";
import { encodeStep } from "../../core/graph/step_data.ts";
import { random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";

const vector = (data: ArrayLike<number>) => ({ shape: [data.length], data });
const stepOf = (seed: number, step: number, { learningRate = 0, first = 0 }) =>
  ({ shape: [4], data: encodeStep({ step, seed, learningRate, first }), dtype: "u32" }) as const;

const RULES = ["gradient", "deconvnet", "guided"] as const;

async function pullback(rule: (typeof RULES)[number], slope: number, dy: ArrayLike<number>, y: ArrayLike<number>) {
  const reads = rule === "deconvnet" ? [vector(dy)] : [vector(dy), vector(y)];
  const problem = { count: dy.length, rule, slope };
  const [dx] = await runOp(reluPullback, problem, {}, { reads, writes: [{ shape: [dy.length] }] });
  return dx!;
}

for (const rule of RULES) {
  test(`relu_pullback ${rule}: agrees with float64 for plain and leaky ReLU`, async () => {
    const dy = random(150, 1);
    for (const slope of [0, 0.25]) {
      const y = reference.leakyRelu(random(150, 2), slope);
      assert.ok(relativeError(await pullback(rule, slope, dy, y), reference.reluPullback(rule, slope, dy, y)) < 1e-7);
    }
  });
}

test("relu_pullback: the three rules give the numbers of Figure 1b of the paper", async () => {
  const y = [1, 0, 5, 2, 0, 0, 0, 2, 4]; // the ReLU of 1 -1 5, 2 -5 -7, -3 2 4
  const dy = [-2, 3, -1, 6, -3, 1, 2, -1, 3];
  assert.equal([...await pullback("gradient", 0, dy, y)], [-2, 0, -1, 6, 0, 0, 0, -1, 3]);
  assert.equal([...await pullback("deconvnet", 0, dy, y)], [0, 3, 0, 6, 0, 1, 2, 0, 3]);
  assert.equal([...await pullback("guided", 0, dy, y)], [0, 0, 0, 6, 0, 0, 0, 0, 3]);
});

test("elementwise: more than 65535 workgroups are folded, and every element is computed once", async () => {
  const count = 65535 * 64 + 65; // the last workgroup of the second row has one thread to do
  const ones = { shape: [count], data: new Float32Array(count).fill(1) };
  const [y] = await runOp(accumulate, { count }, {}, { reads: [ones], writes: [ones] });
  assert.ok(y!.every((value) => value === 2));
});

test("several elements of a thread, vectors or not, the last threads with fewer: every element is computed once", async () => {
  const kernel = elementwiseKernel("index", ["a"], "f32(i) + a");
  for (const count of [4 * 65536 + 4 * 37, 65536 + 3]) {
    const reads = [{ shape: [count], data: new Float32Array(count).fill(1) }], writes = [{ shape: [count] }];
    const [y] = await runOp(kernel, { count }, {}, { reads, writes });
    assert.ok(y!.every((value, i) => value === i + 1), `${count} elements`);
  }
});

test("a batch normalization of many rows: the channel of each element is its own", async () => {
  for (const [rows, channels] of [[22_001, 12], [13_200, 5]] as const) {
    const of = (length: number, value: (c: number) => number) =>
      vector(Float32Array.from({ length }, (_, c) => value(c)));
    const ones = of(rows * channels, () => 1), statistics = of(2 * channels, (c) => c < channels ? 0 : c - channels);
    const reads = [ones, statistics, of(channels, () => 2), of(channels, (c) => 100 * c)];
    const problem = { rows, channels, relu: { slope: 0 } }, writes = [{ shape: [rows * channels] }];
    const [y] = await runOp(batchNormForward, problem, {}, { reads, writes });
    assert.ok(y!.every((value, i) => value === 102 * (i % channels)), `${channels} channels`);
    const dx = await runOp(batchNormBackward, { ...problem, training: false }, {}, {
      reads: reads.slice(0, 3),
      writes,
    });
    assert.ok(dx[0]!.every((value, i) => value === 2 * (i % channels)), `${channels} channels, back`);
  }
});

test("a kernel of one expression: of its reads by name and the index, in order; its cost counts them", async () => {
  const kernel = elementwiseKernel("mixed", ["a", "b"], "a - 3.0 * b + f32(i)", { flops: 3 });
  const a = random(131, 4), b = random(131, 5), writes = [{ shape: [131] }];
  const [y] = await runOp(kernel, { count: 131 }, {}, { reads: [vector(a), vector(b)], writes });
  assert.ok(relativeError(y!, a.map((value, i) => value - 3 * b[i]! + i)) < 1e-7);
  assert.equal(kernel.cost({ count: 131 }), { flops: 393, bytes: 12 * 131 });
  assert.equal(kernel.cost({ count: 131, dtype: "f16" }), { flops: 393, bytes: 6 * 131 });
  for (const names of [["a", "a"], ["i"], ["2x"], ["a b"]]) {
    assert.throws(() => elementwiseKernel("wrong", names, "1.0"), /^Cannot make the kernel "wrong": it cannot call a /);
  }
});

const AT = { seed: 0xfedcba98, step: 70001, stream: 0x9abcdef0 };
/** Before the batch lie so many examples of so many elements: more than 2^32 in all, where the count starts again. */
const FIRST = 50_000, PER_EXAMPLE = 98_304;

async function drop(x: Float64Array, rate: number, { seed, step, stream }: typeof AT, first = FIRST) {
  const reads = [vector(x), stepOf(seed, step, { first })], problem = { count: x.length, rate, stream };
  const writes = [{ shape: [x.length] }];
  const [y] = await runOp(dropout, { ...problem, perExample: PER_EXAMPLE }, {}, { reads, writes });
  return y!;
}

for (const rate of [0.2, 0.5]) {
  test(`dropout ${rate}: draws the mask of core/graph/random.ts, scales by 1 / (1 - rate), keeps 1 - rate`, async () => {
    const x = random(40_000, 3).map((value) => value === 0 ? 1 : value); // a zero would hide whether it was kept
    const y = await drop(x, rate, AT), expected = reference.dropout(x, rate, { ...AT, before: FIRST * PER_EXAMPLE });
    assert.ok(y.every((value, i) => (value === 0) === (expected[i] === 0)), "another mask");
    assert.ok(relativeError(y, expected) < 1e-7);
    const kept = y.filter((value) => value !== 0).length / y.length;
    assert.ok(Math.abs(kept - (1 - rate)) < 4 * Math.sqrt(rate * (1 - rate) / y.length), `kept ${kept}`);
  });
}

test("dropout: another seed, step or stream draws another, independent mask", async () => {
  const ones = new Float64Array(4000).fill(1);
  const first = await drop(ones, 0.5, AT);
  for (const change of [{ seed: AT.seed + 1 }, { step: AT.step + 1 }, { stream: AT.stream + 1 }]) {
    const other = await drop(ones, 0.5, { ...AT, ...change });
    const same = other.filter((value, i) => value === first[i]).length / ones.length;
    assert.ok(Math.abs(same - 0.5) < 0.04, `${JSON.stringify(change)}: ${same} of the elements are the same`);
  }
});

test("dropout: a batch draws what its parts draw one after the other", async () => {
  const ones = new Float64Array(3 * PER_EXAMPLE).fill(1);
  const whole = await drop(ones, 0.5, AT), part = await drop(ones.slice(PER_EXAMPLE), 0.5, AT, FIRST + 1);
  assert.equal(part, whole.slice(PER_EXAMPLE));
});

test("sgd: two steps with momentum and weight decay agree with float64, at the rate of the step buffer", async () => {
  const count = 70, constants = { momentum: 0.9, weightDecay: 0.125, clear: false };
  let params = random(count, 1), velocity = random(count, 2);
  const w = params.slice(), v = velocity.slice();
  for (const [index, learningRate] of [0.5, 0.0625].entries()) {
    const grads = random(count, 3 + index);
    const reads = [vector(grads), stepOf(1, index, { learningRate })];
    const writes = [vector(params), vector(velocity)];
    [params, velocity] = await runOp(sgdUpdate, { count, ...constants }, {}, { reads, writes }) as [
      Float64Array<ArrayBuffer>,
      Float64Array<ArrayBuffer>,
    ];
    reference.sgd(w, v, grads, { ...constants, learningRate });
    assert.ok(relativeError(params, w) < 1e-6, `w after step ${index + 1}`);
    assert.ok(relativeError(velocity, v) < 1e-6, `v after step ${index + 1}`);
  }
});

test("sgd: the gradients of parts are added up, used, and 0 afterwards", async () => {
  const count = 70, constants = { momentum: 0.9, weightDecay: 0.125 }, parts = [random(count, 5), random(count, 6)];
  let grads = new Float64Array(count);
  for (const part of parts) {
    const [sum] = await runOp(accumulate, { count }, {}, { reads: [vector(part)], writes: [vector(grads)] });
    grads = Float64Array.from(sum!);
  }
  const w = random(count, 1), v = random(count, 2), summed = parts[0]!.map((value, i) => value + parts[1]![i]!);
  const writes = [vector(w), vector(v), vector(grads)], reads = [stepOf(1, 0, { learningRate: 0.5 })];
  const [params, velocity, cleared] = await runOp(sgdUpdate, { count, ...constants, clear: true }, {}, {
    reads,
    writes,
  });
  reference.sgd(w, v, summed, { ...constants, learningRate: 0.5 });
  assert.ok(relativeError(params!, w) < 1e-6 && relativeError(velocity!, v) < 1e-6);
  assert.ok(cleared!.every((value) => value === 0));
});

test("symmetrize: averages with the transpose, scales, and adds to the diagonal", async () => {
  const side = 9, scale = 0.5, diagonal = -1.5, x = random(side * side);
  const operands = { reads: [{ shape: [side, side], data: x }], writes: [{ shape: [side, side] }] };
  const [y] = await runOp(symmetrize, { side, scale, diagonal }, {}, operands);
  const expected = x.map((value, i) => {
    const row = Math.floor(i / side), column = i % side;
    return scale * (value + x[column * side + row]!) / 2 + (row === column ? diagonal : 0);
  });
  assert.ok(relativeError(y!, expected) < 1e-7);
});

test.run();
