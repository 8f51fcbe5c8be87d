import { test } from "uvu";
import * as assert from "uvu/assert";
import { convBackwardData } from "../../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import type { ConvProblem } from "../../kernels/conv/conv_problem.ts";
import { axesOf } from "../../kernels/per_axis.ts";
import type { Kernel, Limits } from "../../kernels/kernel.ts";
import { gpu, type Operand, random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";
import { HALF_ERROR, halfTest } from "./_half.ts";

/** Every family with all epilogues; and channels in no fours, a stride, and an odd number of elements. */
const SHAPES: readonly (readonly [string, ConvProblem])[] = [
  ["3x3", {
    ...{ batch: 3, height: 9, width: 6, inChannels: 8, outHeight: 9, outWidth: 6, outChannels: 36 },
    ...{ kernel: 3, stride: 1, padding: 1, dtype: "f16" },
  }],
  ["3x3 stride 2", {
    ...{ batch: 1, height: 7, width: 5, inChannels: 3, outHeight: 4, outWidth: 3, outChannels: 9 },
    ...{ kernel: 3, stride: 2, padding: 1, dtype: "f16" },
  }],
];
const STEP = { step: 3, seed: 11 };
const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const half = (shape: readonly number[], data?: ArrayLike<number>): Operand => ({
  shape,
  dtype: "f16",
  ...(data === undefined ? {} : { data }),
});

/** The first tuning of each family and size of Winograd's tiles, of this device and of a discrete GPU. */
function tried<P, T extends { family: string }>(kernel: Kernel<P, T>, problem: P, limits: Limits): T[] {
  const discrete: Limits = { ...limits, software: false, subgroupSize: null };
  const all = [...kernel.tunings(problem, limits), ...kernel.tunings(problem, discrete)];
  return [...new Map(all.reverse().map((t) => [`${t.family} ${(t as { tile?: number }).tile}`, t])).values()];
}

/** Relative L2 error of sums in f32, which Winograd's transforms round more. */
const sumError = ({ family, tile }: { family: string; tile?: number }) =>
  family !== "winograd" ? 2e-6 : tile === 2 ? 5e-6 : 5e-5;

for (const [index, [name, p]] of SHAPES.entries()) {
  const xShape = [p.batch, p.height, p.width, p.inChannels], yShape = [p.batch, p.outHeight, p.outWidth, p.outChannels];
  const wShape = [...axesOf(p.kernel), p.inChannels, p.outChannels];
  const x = random(count(xShape), 1), w = random(count(wShape), 2), dy = random(count(yShape), 3);
  const b = random(p.outChannels, 4);
  const dropout = index === 0 ? { rate: 0.3, stream: 7, perExample: count(yShape) / p.batch } : null;
  const mask = index === 0 ? { scale: 2, slope: 0.25 } : null;

  halfTest(`conv_forward ${name} in half precision agrees with float64`, async () => {
    const problem = { ...p, bias: true, slope: 0.25, ...(dropout === null ? {} : { dropout }) };
    const y = reference.leakyRelu(reference.convForward(p, x, w, b), 0.25);
    const expected = dropout === null
      ? y
      : reference.dropout(y, dropout.rate, { ...STEP, ...dropout, before: 3 * dropout.perExample });
    const step = { shape: [4], data: [STEP.step, STEP.seed, 0, 3], dtype: "u32" as const };
    const operands = [half(xShape, x), half(wShape, w), { shape: [p.outChannels], data: b }];
    const reads = dropout === null ? operands : [...operands, step];
    for (const tuning of tried(convForward, problem, (await gpu()).limits)) {
      const [result] = await runOp(convForward, problem, tuning, { reads, writes: [half(yShape)] });
      const error = relativeError(result!, expected);
      assert.ok(error < HALF_ERROR, `${error} ${JSON.stringify(tuning)}`);
    }
  });

  halfTest(`conv_backward_data ${name} in half precision agrees with float64`, async () => {
    const problem = { ...p, ...(mask === null ? {} : { mask }) };
    const dx = reference.convBackwardData(p, dy, w);
    const expected = mask === null
      ? dx
      : reference.reluPullback("gradient", mask.slope, dx, x).map((d) => d * mask.scale);
    const reads = [half(yShape, dy), half(wShape, w), ...(mask === null ? [] : [half(xShape, x)])];
    for (const tuning of tried(convBackwardData, problem, (await gpu()).limits)) {
      const [result] = await runOp(convBackwardData, problem, tuning, { reads, writes: [half(xShape)] });
      const error = relativeError(result!, expected);
      assert.ok(error < HALF_ERROR, `${error} ${JSON.stringify(tuning)}`);
    }
  });

  halfTest(`conv_backward_weight ${name} of half precision is as exact as in float32`, async () => {
    const problem = { ...p, bias: true }, expected = reference.convBackwardWeight(p, x, dy);
    const expectedBias = reference.sumRows(p.outChannels, dy);
    const reads = [half(xShape, x), half(yShape, dy)], writes = [{ shape: wShape }, { shape: [p.outChannels] }];
    for (const tuning of tried(convBackwardWeight, problem, (await gpu()).limits)) {
      const [dw, db] = await runOp(convBackwardWeight, problem, tuning, { reads, writes });
      const errors = [relativeError(dw!, expected), relativeError(db!, expectedBias)];
      assert.ok(errors.every((error) => error < sumError(tuning)), `${errors} ${JSON.stringify(tuning)}`);
    }
  });
}

test("half precision: nothing is offered where shaders cannot store f16, and bytes count half", () => {
  const limits = {
    ...{ workgroupInvocations: 256, workgroupStorage: 16384, bindingBytes: 2 ** 27 },
    ...{ subgroupSize: 8, software: true, exact: false },
  };
  const { dtype: _dtype, ...single } = SHAPES[0]![1], p = { ...SHAPES[0]![1], bias: true, slope: 0 };
  for (const kernel of [convForward, convBackwardData, convBackwardWeight] as const) {
    const tunings = (limits: Limits) => (kernel as Kernel<typeof p, unknown>).tunings(p, limits).length;
    assert.is(tunings(limits), 0);
    assert.ok(tunings({ ...limits, f16: true }) > 0);
  }
  assert.is(2 * convForward.cost(p).bytes, convForward.cost({ ...single, bias: true, slope: 0 }).bytes);
  const weights = 2 * 9 * 8 * 36; // what dw, in float32, takes more
  assert.is(2 * (convBackwardWeight.cost(p).bytes - weights), convBackwardWeight.cost({ ...single, bias: true }).bytes);
});

test.run();
