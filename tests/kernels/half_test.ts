/** The other kernels in half precision; the convolutions are in half_conv_test.ts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { elementwiseKernel } from "../../kernels/elementwise_kernel.ts";
import { cast } from "../../kernels/layer/cast.ts";
import { dropout } from "../../kernels/layer/dropout.ts";
import { globalAveragePoolBackward, globalAveragePoolForward } from "../../kernels/layer/global_average_pool.ts";
import { maxPoolBackward, maxPoolForward } from "../../kernels/layer/max_pool.ts";
import { reluPullback } from "../../kernels/layer/relu_pullback.ts";
import { type Operand, random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";
import { HALF_ERROR, halfTest } from "./_half.ts";

const HALF = { dtype: "f16" } as const;
const vector = (data: ArrayLike<number>): Operand => ({ shape: [data.length], data, dtype: "f16" });
const empty = (count: number): Operand => ({ shape: [count], dtype: "f16" });

halfTest("relu_pullback in half precision agrees with float64", async () => {
  const dy = random(151, 1), y = random(151, 2), writes = [empty(151)];
  for (const rule of ["gradient", "deconvnet", "guided"] as const) {
    const reads = rule === "deconvnet" ? [vector(dy)] : [vector(dy), vector(y)];
    const [dx] = await runOp(reluPullback, { count: 151, rule, slope: 0.1, ...HALF }, {}, { reads, writes });
    assert.ok(relativeError(dx!, reference.reluPullback(rule, 0.1, dy, y)) < HALF_ERROR, rule);
  }
});

halfTest("a kernel of one expression computes in float32 what it stores in half precision", async () => {
  const kernel = elementwiseKernel("scaled", ["x"], "x * 1024.0 * 1024.0 / (1024.0 * 1024.0)"), x = random(151, 6);
  const [y] = await runOp(kernel, { count: 151, ...HALF }, {}, { reads: [vector(x)], writes: [empty(151)] });
  assert.is(relativeError(y!, x), 0);
});

halfTest("dropout in half precision draws the same mask", async () => {
  const x = random(333, 3).map((value) => value === 0 ? 1 : value), rate = 0.3, stream = 5;
  const step = { shape: [4], data: [70001, 9, 0, 2], dtype: "u32" as const };
  const operands = { reads: [vector(x), step], writes: [empty(333)] };
  const [y] = await runOp(dropout, { count: 333, rate, stream, perExample: 333, ...HALF }, {}, operands);
  const expected = reference.dropout(x, rate, { seed: 9, step: 70001, stream, before: 2 * 333 });
  assert.ok(y!.every((value, i) => (value === 0) === (expected[i] === 0)), "another mask");
  assert.ok(relativeError(y!, expected) < HALF_ERROR);
});

halfTest("max_pool in half precision: maxima exactly, with and without switches; the ways back", async () => {
  const p = { batch: 1, height: 7, width: 7, channels: 3, kernel: 3, stride: 2 };
  const x = random(147, 4), { y: expected, from } = reference.maxPool(p, x), outputs = expected.length;
  const dy = random(outputs, 5), switches: Operand = { shape: [outputs], dtype: "u32" };
  const recording = { reads: [vector(x)], writes: [empty(outputs), switches] };
  const [y, taps] = await runOp(maxPoolForward, { ...p, switches: true, ...HALF }, {}, recording);
  assert.is(relativeError(y!, expected), 0);
  const plain = { reads: [vector(x)], writes: [empty(outputs)] };
  const [same] = await runOp(maxPoolForward, { ...p, switches: false, ...HALF }, {}, plain);
  assert.equal(same, y);
  const following = { reads: [vector(dy), { ...switches, data: taps! }], writes: [empty(147)] };
  const [dx] = await runOp(maxPoolBackward, { ...p, switches: true, ...HALF }, {}, following);
  assert.ok(relativeError(dx!, reference.maxPoolBackward(147, from, dy)) < HALF_ERROR);
  const spreading = { reads: [vector(dy)], writes: [empty(147)] };
  const [even] = await runOp(maxPoolBackward, { ...p, switches: false, ...HALF }, {}, spreading);
  assert.ok(relativeError(even!, reference.maxPoolSpread(p, dy)) < HALF_ERROR);
});

halfTest("global_average_pool: f16 to f32, whose sums are exact, and back", async () => {
  const p = { batch: 3, positions: 5, channels: 7, ...HALF }, x = random(105, 6), dy = random(21, 7);
  const [y] = await runOp(globalAveragePoolForward, p, {}, { reads: [vector(x)], writes: [{ shape: [21] }] });
  assert.ok(relativeError(y!, reference.globalAveragePool(3, 5, 7, x)) < 1e-6);
  const reads = [{ shape: [21], data: dy }], writes = [empty(105)];
  const [dx] = await runOp(globalAveragePoolBackward, p, {}, { reads, writes });
  assert.ok(relativeError(dx!, reference.globalAveragePoolBackward(3, 5, 7, dy)) < HALF_ERROR);
});

halfTest("cast: what f16 holds stays, the rest is rounded, what is too large becomes infinite", async () => {
  const exact = [...random(60, 8), 65504, -(2 ** -14), 0], others = [1 / 3, -Math.PI, 1000.3], large = [1e5, -1e6];
  const x = [...exact, ...others, ...large], count = x.length;
  const down = { reads: [{ shape: [count], data: x }], writes: [empty(count)] };
  const [y] = await runOp(cast, { count, to: "f16" as const }, {}, down);
  assert.equal([...y!.slice(0, exact.length)], exact);
  const rounded = y!.slice(exact.length, -large.length);
  others.forEach((value, i) => assert.ok(Math.abs(rounded[i]! / value - 1) < HALF_ERROR, `${value}: ${rounded[i]}`));
  assert.equal([...y!.slice(-large.length)], [Infinity, -Infinity]);
  const finite = y!.slice(0, -large.length);
  const up = { reads: [vector(finite)], writes: [{ shape: [finite.length] }] };
  const [back] = await runOp(cast, { count: finite.length, to: "f32" as const }, {}, up);
  assert.equal(back, finite);
});

test.run();
