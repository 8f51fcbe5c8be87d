/** Random checks of the kernels on matrix units, emulated on subgroups of 8, as kernels/conv/families/matrix/matrix_tile.ts offers them. */
import { tapsOf } from "../../kernels/conv/conv_problem.ts";
import { convBackwardData } from "../../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import type { Kernel, Limits } from "../../kernels/kernel.ts";
import type { Context } from "../../core/device/device.ts";
import { type Operand, random, relativeError, runOp } from "../_gpu.ts";
import { HALF_ERROR } from "../kernels/_half.ts";
import * as reference from "../_reference.ts";
import { type Check, drawing, drawProblem } from "./checks.ts";

/** Every so many checks one on matrix units: llvmpipe compiles each for up to 20 s. */
export const MATRIX_EVERY = 30;

export const canEmulateMatrices = ({ limits }: Context): boolean => limits.subgroupSize === 8 && limits.f16 === true;

/** Rounding to f16; sums are exact or nearly so in float32. */
const TOLERANCE = { f16: HALF_ERROR, f32: 2e-6 };

/** Draws kernel, problem and tuning, with channels in fours, and compares with float64. */
export async function runMatrixCheck(
  seed: number,
  check: number,
  context: Context,
  { safe, oblong }: { readonly safe: boolean; readonly oblong: boolean },
): Promise<Check> {
  const draw = drawing(seed, check), fours = (channels: number) => Math.max(4, Math.min(104, channels - channels % 4));
  const drawn = drawProblem(draw, oblong);
  const channels = { inChannels: fours(drawn.inChannels), outChannels: fours(drawn.outChannels) };
  const p = { ...drawn, ...channels, dtype: "f16" as const };
  const dialect = draw.pick(["emulated", "emulated_scalars"] as const);
  const limits: Limits = { ...context.limits, matrix: { m: 8, n: 8, k: 8, lanes: 8, dialect } };
  const x = random(p.batch * p.height * p.width * p.inChannels, check), b = random(p.outChannels, check + 3);
  const w = random(tapsOf(p) * p.inChannels * p.outChannels, check + 1);
  const dy = random(p.batch * p.outHeight * p.outWidth * p.outChannels, check + 2);

  const f16 = (data: Float64Array): Operand => ({ shape: [data.length], data, dtype: "f16" });
  async function compare<Problem, Tuning extends { readonly family: string }>(
    kernel: Kernel<Problem, Tuning>,
    problem: Problem,
    reads: readonly Operand[],
    expected: readonly Float64Array[],
    type: keyof typeof TOLERANCE,
  ): Promise<Check> {
    const tuning = draw.pick(kernel.tunings(problem, limits).filter(({ family }) => family === "matrix"));
    const about = { check, kernel: kernel.name, problem: p, tuning, safe };
    const writes = expected.map(({ length }): Operand => ({
      shape: [length],
      data: new Float64Array(length).fill(99), // where nothing writes
      dtype: type,
    }));
    try {
      const results = await runOp(kernel, problem, tuning, { reads, writes }, context);
      const errors = results.map((result, index) => relativeError(result, expected[index]!));
      return { ...about, errors, right: errors.every((error) => error < TOLERANCE[type]) };
    } catch (error) {
      return { ...about, errors: String(error).split("\n")[0]!, right: false };
    }
  }

  const which = draw.pick(["forward", "data", "weight"]), slope = draw.pick([0, 0.25]);
  if (which === "forward") {
    const y = reference.leakyRelu(reference.convForward(p, x, w, b), slope);
    const reads = [f16(x), f16(w), { shape: [p.outChannels], data: b }];
    return await compare(convForward, { ...p, bias: true, slope }, reads, [y], "f16");
  }
  if (which === "data") {
    const plain = reference.convBackwardData(p, dy, w);
    const dx = reference.reluPullback("gradient", slope, plain, x).map((value) => value * 2);
    const reads = [f16(dy), f16(w), f16(x)];
    return await compare(convBackwardData, { ...p, mask: { scale: 2, slope } }, reads, [dx], "f16");
  }
  const expected = [reference.convBackwardWeight(p, x, dy), reference.sumRows(p.outChannels, dy)];
  return await compare(convBackwardWeight, { ...p, bias: true }, [f16(x), f16(dy)], expected, "f32");
}
