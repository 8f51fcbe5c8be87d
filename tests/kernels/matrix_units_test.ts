import { test } from "uvu";
import * as assert from "uvu/assert";
import { convBackwardData } from "../../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import { type ConvProblem, tapsOf } from "../../kernels/conv/conv_problem.ts";
import { isEmulated, type MatrixDialect } from "../../kernels/matrix_config.ts";
import { matrix } from "../../kernels/conv/families/matrix/matrix.ts";
import type { MatrixTuning } from "../../kernels/conv/families/matrix/matrix_tile.ts";
import { type Context, openDevice } from "../../core/device/device.ts";
import { gpu, type Operand, random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";
import { HALF_ERROR } from "./_half.ts";

/**
 * Kinds of what kernels/conv/families/matrix/matrix_tile.ts offers, as small as they come, for llvmpipe compiles those in seconds each (all
 * others: npm run test:full): one subgroup; several down and across, and several matrices of each; sides that differ.
 */
const small = (dialect: MatrixDialect, m = 8, n = 8, k = 8) => ({ m, n, k, lanes: 8, dialect });
const TUNINGS: readonly MatrixTuning[] = [
  { family: "matrix", down: 1, across: 1, tall: 1, wide: 1, depth: 8, matrix: small("emulated") },
  { family: "matrix", down: 2, across: 1, tall: 1, wide: 2, depth: 16, matrix: small("emulated_scalars") },
  { family: "matrix", down: 1, across: 2, tall: 2, wide: 1, depth: 16, matrix: small("emulated") },
  { family: "matrix", down: 1, across: 1, tall: 1, wide: 1, depth: 16, matrix: small("emulated", 16, 8, 16) },
];

type Problem = ConvProblem & { readonly dtype: "f16" };

/** Rows, columns and channels that no tile divides; the second reaches over no edge. Each with half of the tunings. */
const SHAPES: readonly [name: string, Problem, readonly MatrixTuning[]][] = [
  ["3x3 stride 2", {
    ...{ batch: 2, height: 7, width: 6, inChannels: 12, outHeight: 4, outWidth: 3, outChannels: 20 },
    ...{ kernel: 3, stride: 2, padding: 1, dtype: "f16" },
  }, TUNINGS.slice(0, 2)],
  ["1x1", {
    ...{ batch: 3, height: 3, width: 5, inChannels: 24, outHeight: 3, outWidth: 5, outChannels: 12 },
    ...{ kernel: 1, stride: 1, padding: 0, dtype: "f16" },
  }, TUNINGS.slice(2)],
];

/** Real matrix units get what they are offered for many channels, the first so many of it. */
const WIDEST = 192, MOST = 12;
let withUnits: Promise<Context> | null = null;

const STEP = { step: 3, seed: 11 };

/** f16 that a test reads, and f16 that it writes, each 99 until then. */
const f16 = (data: Float64Array): Operand => ({ shape: [data.length], data, dtype: "f16" });
const written = (like: Float64Array) => f16(new Float64Array(like.length).fill(99));

for (const [name, p, tunings] of SHAPES) {
  const count = (...shape: number[]) => shape.reduce((a, b) => a * b, 1);
  const pixels = count(p.batch, p.height, p.width), outPixels = count(p.batch, p.outHeight, p.outWidth);
  const x = random(pixels * p.inChannels, 1), dy = random(outPixels * p.outChannels, 2);
  const w = random(tapsOf(p) * p.inChannels * p.outChannels, 3), b = random(p.outChannels, 4);

  /** Skips where there are no subgroups to emulate with, and no matrix units. */
  const agrees = (title: string, body: (tuning: MatrixTuning, context: Context) => Promise<void>) => {
    test(`${title} ${name} on emulated matrix units agrees with float64`, async () => {
      const context = await gpu(), { subgroupSize, f16 } = context.limits;
      if (subgroupSize !== 8 || f16 !== true) {
        return console.log("\n  skipped: emulated matrix units need f16 and subgroups of 8");
      }
      for (const tuning of tunings) await body(tuning, context);
    });
    test(`${title} ${name} on the matrix units of this device agrees with float64`, async () => {
      const context = await (withUnits ??= openDevice({ matrix: true }));
      const offered = matrix.product.candidates(
        { input: WIDEST, output: WIDEST, dtype: "f16" },
        context.limits,
      ) as MatrixTuning[];
      if (offered.length === 0) return console.log("\n  skipped: this device has no matrix units");
      for (const tuning of offered.slice(0, MOST)) await body(tuning, context);
    });
  };

  agrees("conv_forward", async (tuning, context) => {
    const dropout = { rate: 0.3, stream: 7, perExample: dy.length / p.batch };
    const problem = { ...p, bias: true, slope: 0.25, ...(p.stride === 1 ? { dropout } : {}) };
    const active = reference.leakyRelu(reference.convForward(p, x, w, b), 0.25);
    const expected = p.stride === 1
      ? reference.dropout(active, dropout.rate, { ...STEP, ...dropout, before: 3 * dropout.perExample })
      : active;
    const step = { shape: [4], data: [STEP.step, STEP.seed, 0, 3], dtype: "u32" as const };
    const reads = [f16(x), f16(w), { shape: [p.outChannels], data: b }, ...(p.stride === 1 ? [step] : [])];
    const [y] = await runOp(convForward, problem, tuning, { reads, writes: [written(dy)] }, context);
    const error = relativeError(y!, expected);
    assert.ok(error < HALF_ERROR, `${error} ${JSON.stringify(tuning)}`);
  });

  agrees("conv_backward_data", async (tuning, context) => {
    const mask = { scale: 2, slope: 0.25 };
    const expected = reference.reluPullback("gradient", mask.slope, reference.convBackwardData(p, dy, w), x)
      .map((d) => d * mask.scale);
    const operands = { reads: [f16(dy), f16(w), f16(x)], writes: [written(x)] };
    const [dx] = await runOp(convBackwardData, { ...p, mask }, tuning, operands, context);
    const error = relativeError(dx!, expected);
    assert.ok(error < HALF_ERROR, `${error} ${JSON.stringify(tuning)}`);
  });

  agrees("conv_backward_weight", async (tuning, context) => {
    const writes = [{ shape: [w.length] }, { shape: [p.outChannels] }];
    // Several steps of `depth` pixels: in one share that passes from image to image, or in each of two.
    const parts = tuning === TUNINGS[0] ? 1 : 2, operands = { reads: [f16(x), f16(dy)], writes };
    const [dw, db] = await runOp(convBackwardWeight, { ...p, bias: true }, { ...tuning, parts }, operands, context);
    const error = relativeError(dw!, reference.convBackwardWeight(p, x, dy));
    // Inputs are numbers of 11 bits and sums in float32 exact; matrix units may drop the last bits all the same.
    assert.ok(error <= (isEmulated(tuning.matrix.dialect) ? 0 : 1e-5), `${error} ${JSON.stringify(tuning)}`);
    assert.is(relativeError(db!, reference.sumRows(p.outChannels, dy)), 0, `bias ${JSON.stringify(tuning)}`);
  });
}

test.run();
