import { test } from "uvu";
import * as assert from "uvu/assert";
import { convBackwardData } from "../../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import type { ConvProblem } from "../../kernels/conv/conv_problem.ts";
import { axesOf, type PerAxis } from "../../kernels/per_axis.ts";
import type { Limits } from "../../kernels/kernel.ts";
import { gpu, random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";

/** Awkward on purpose: odd sides, channels that are no multiple of 4 or of a tile, every kernel and stride. */
const SHAPES: [string, Omit<ConvProblem, "outHeight" | "outWidth"> & { after?: PerAxis }][] = [
  ["3x3 same", { batch: 2, height: 7, width: 5, inChannels: 3, outChannels: 10, kernel: 3, stride: 1, padding: 1 }],
  ["3x3 vec4", { batch: 3, height: 9, width: 6, inChannels: 8, outChannels: 36, kernel: 3, stride: 1, padding: 1 }],
  ["3x3 stride 2", {
    batch: 2,
    height: 9,
    width: 8,
    inChannels: 12,
    outChannels: 20,
    kernel: 3,
    stride: 2,
    padding: 1,
  }],
  ["3x3 valid", { batch: 1, height: 8, width: 8, inChannels: 4, outChannels: 24, kernel: 3, stride: 1, padding: 0 }],
  ["1x1", { batch: 3, height: 3, width: 5, inChannels: 24, outChannels: 10, kernel: 1, stride: 1, padding: 0 }],
  ["1x1 stride 2", { batch: 2, height: 6, width: 7, inChannels: 5, outChannels: 8, kernel: 1, stride: 2, padding: 0 }],
  ["5x5", { batch: 1, height: 6, width: 7, inChannels: 4, outChannels: 8, kernel: 5, stride: 1, padding: 2 }],
  ["2x2", { batch: 2, height: 6, width: 5, inChannels: 3, outChannels: 4, kernel: 2, stride: 1, padding: 0, after: 1 }],
  ["11x11 stride 4", {
    batch: 1,
    height: 23,
    width: 25,
    inChannels: 3,
    outChannels: 72, // with fewer, Mesa unrolls the loops over them: 20 s of compiling instead of 2
    kernel: 11,
    stride: 4,
    padding: 2,
  }],
  ["100 channels", {
    batch: 1,
    height: 4,
    width: 4,
    inChannels: 100,
    outChannels: 192,
    kernel: 3,
    stride: 1,
    padding: 1,
  }],
  ["1x1 stride 2 vec4", {
    batch: 2,
    height: 5,
    width: 6,
    inChannels: 8,
    outChannels: 12,
    kernel: 1,
    stride: 2,
    padding: 0,
  }],
  ["3x5 stride 2x1, uneven padding", {
    batch: 2,
    height: 9,
    width: 8,
    inChannels: 8,
    outChannels: 12,
    kernel: [3, 5],
    stride: [2, 1],
    padding: [1, 2],
    after: [0, 1],
  }],
  ["3x1 stride 1x2", {
    batch: 2,
    height: 6,
    width: 7,
    inChannels: 3,
    outChannels: 10,
    kernel: [3, 1],
    stride: [1, 2],
    padding: [1, 0],
  }],
];

const problemOf = ({ after, ...p }: (typeof SHAPES)[number][1]): ConvProblem => {
  const [kernel, stride, before, behind] = [p.kernel, p.stride, p.padding, after ?? p.padding].map(axesOf);
  const size = (at: 0 | 1, s: number) => Math.floor((s + before![at] + behind![at] - kernel![at]) / stride![at]) + 1;
  return { ...p, outHeight: size(0, p.height), outWidth: size(1, p.width) };
};

/** Indices of the shapes on which a tile through workgroup memory runs too, and on which a wide one. */
const TILED = new Set([9, 10]), WIDE = new Set([9]);
const isWide = (tuning: unknown) => (tuning as { threadVectors?: number }).threadVectors === 3;

/** What a discrete GPU would be offered: other products within Winograd, no broadcasts. */
const gpuLimits = (limits: Limits): Limits => ({ ...limits, software: false, subgroupSize: null });

const STEP = { step: 3, seed: 11 };

/** Relative L2 error that a tuning may have: Winograd's transforms round more, the more the larger their tiles. */
const tolerance = (tuning: { family: string; tile?: number }) =>
  tuning.family !== "winograd" ? 2e-6 : tuning.tile === 2 ? 5e-6 : 5e-5;

/** Indices of the shapes on which every family runs: square, and not. */
const EVERY = new Set([1, 11]);

/** Sums of a thread of a tile through workgroup memory, on which the time to compile it depends; else 0. */
const sumsOf = (tuning: unknown): number => {
  const { product, threadRows = 0, threadVectors = 0 } = tuning as {
    product?: unknown;
    threadRows?: number;
    threadVectors?: number;
  };
  return product === undefined ? threadRows * threadVectors : sumsOf(product);
};

/**
 * The tuning of each family, tile size and product that compiles fastest, the first of those, on some shapes; one
 * elsewhere: compiling takes long.
 */
function tried<T extends { family: string }>(shape: number, tunings: readonly T[], onGpu: readonly T[] = []): T[] {
  const kind = (tuning: T) => {
    const { family, tile, product } = tuning as { family: string; tile?: number; product?: { family: string } };
    return `${family} ${tile} ${product?.family}`;
  };
  const fast = [...tunings, ...onGpu].sort((a, b) => sumsOf(a) - sumsOf(b));
  const kinds = new Map(fast.reverse().map((tuning) => [kind(tuning), tuning]));
  if (EVERY.has(shape)) return [...kinds.values()];
  // Wider tiles and several columns of them, and phases of a stride that no tap reaches.
  const tiled = onGpu.find((tuning) => tuning.family === "tiled" && (!WIDE.has(shape) || isWide(tuning)));
  return [...tunings.slice(0, 1), ...(TILED.has(shape) && tiled !== undefined ? [tiled] : [])];
}

SHAPES.forEach(([name, shape], index) => {
  const p = problemOf(shape);
  const xShape = [p.batch, p.height, p.width, p.inChannels], yShape = [p.batch, p.outHeight, p.outWidth, p.outChannels];
  const wShape = [...axesOf(p.kernel), p.inChannels, p.outChannels];
  const count = (s: number[]) => s.reduce((a, b) => a * b, 1);
  const x = random(count(xShape), 1), w = random(count(wShape), 2), dy = random(count(yShape), 3);
  const b = random(p.outChannels, 4);

  // The second shape, on which every family runs, has the epilogues too.
  const dropout = index === 1 ? { rate: 0.3, stream: 7, perExample: count(yShape) / p.batch } : null;
  const mask = index === 1 ? { scale: 2, slope: 0.25 } : null;
  const dropped = (y: Float64Array) =>
    dropout === null ? y : reference.dropout(y, dropout.rate, { ...STEP, ...dropout, before: 3 * dropout.perExample });

  test(`conv_forward ${name} agrees with float64`, async () => {
    const { limits } = await gpu();
    const plain = reference.convForward(p, x, w, b);
    for (const slope of index === 0 ? [null, 0, 0.25] : [0]) {
      const problem = { ...p, bias: true, slope, ...(dropout === null ? {} : { dropout }) };
      const expected = dropped(slope === null ? plain : reference.leakyRelu(plain, slope));
      for (
        const tuning of tried(
          slope === 0 ? index : 2,
          convForward.tunings(problem, limits),
          convForward.tunings(problem, gpuLimits(limits)),
        )
      ) {
        const reads = [
          { shape: xShape, data: x },
          { shape: wShape, data: w },
          { shape: [p.outChannels], data: b },
          ...(dropout === null ? [] : [{ shape: [4], data: [STEP.step, STEP.seed, 0, 3], dtype: "u32" as const }]),
        ];
        const [y] = await runOp(convForward, problem, tuning, { reads, writes: [{ shape: yShape }] });
        const error = relativeError(y!, expected);
        assert.ok(error < tolerance(tuning), `${error}, slope ${slope} ${JSON.stringify(tuning)}`);
      }
    }
  });

  test(`conv_backward_data ${name} agrees with float64`, async () => {
    const { limits } = await gpu();
    const problem = { ...p, ...(mask === null ? {} : { mask }) };
    const plain = reference.convBackwardData(p, dy, w);
    const expected = mask === null
      ? plain
      : reference.reluPullback("gradient", mask.slope, plain, x).map((d) => d * mask.scale);
    for (
      const tuning of tried(
        index,
        convBackwardData.tunings(problem, limits),
        convBackwardData.tunings(problem, gpuLimits(limits)),
      )
    ) {
      const reads = [
        { shape: yShape, data: dy },
        { shape: wShape, data: w },
        ...(mask === null ? [] : [{ shape: xShape, data: x }]),
      ];
      const [dx] = await runOp(convBackwardData, problem, tuning, { reads, writes: [{ shape: xShape }] });
      const error = relativeError(dx!, expected);
      assert.ok(error < tolerance(tuning), `${error} ${JSON.stringify(tuning)}`);
    }
  });

  test(`conv_backward_weight ${name} agrees with float64`, async () => {
    const { limits } = await gpu();
    const expected = reference.convBackwardWeight(p, x, dy);
    const expectedBias = reference.sumRows(p.outChannels, dy), problem = { ...p, bias: true };
    for (
      const tuning of tried(
        index,
        convBackwardWeight.tunings(problem, limits),
        convBackwardWeight.tunings(problem, gpuLimits(limits)),
      )
    ) {
      const reads = [{ shape: xShape, data: x }, { shape: yShape, data: dy }];
      const writes = [{ shape: wShape }, { shape: [p.outChannels] }];
      const [dw, db] = await runOp(convBackwardWeight, problem, tuning, { reads, writes });
      const error = relativeError(dw!, expected), biasError = relativeError(db!, expectedBias);
      assert.ok(error < tolerance(tuning), `${error} ${JSON.stringify(tuning)}`);
      assert.ok(biasError < tolerance(tuning), `bias: ${biasError} ${JSON.stringify(tuning)}`);
    }
  });

  test(`conv reference ${name}: the pullbacks are adjoint to the forward pass`, () => {
    const dot = (a: Float64Array, c: Float64Array) => a.reduce((sum, value, i) => sum + value * c[i]!, 0);
    const y = dot(dy, reference.convForward(p, x, w, null));
    assert.ok(Math.abs(y - dot(x, reference.convBackwardData(p, dy, w))) < 1e-9);
    assert.ok(Math.abs(y - dot(w, reference.convBackwardWeight(p, x, dy))) < 1e-9);
  });
});

test.run();
