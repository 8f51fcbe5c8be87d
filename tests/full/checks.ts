/** Random checks of the convolution kernels: everything is drawn from (seed, number of the check), so any can be repeated. */
import { convBackwardData } from "../../kernels/conv/conv_backward_data.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import { type ConvProblem, tapsOf } from "../../kernels/conv/conv_problem.ts";
import { axesOf, perAxis } from "../../kernels/per_axis.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import type { Context } from "../../core/device/device.ts";
import { key, unit } from "../../core/graph/random.ts";
import { type Operand, random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";

export interface Check {
  readonly check: number;
  readonly kernel: string;
  readonly problem: ConvProblem;
  readonly tuning: unknown;
  readonly safe: boolean;
  /** Relative L2 error of each output, or what was thrown. */
  readonly errors: readonly number[] | string;
  readonly right: boolean;
}

const KERNELS = [1, 2, 3, 3, 3, 5, 11],
  STRIDES = [1, 1, 1, 2, 2, 4],
  CHANNELS = [1, 3, 4, 5, 10, 64, 96, 100, 127, 192];
const BATCHES = [1, 1, 2, 3], SLOPES = [null, 0, 0, 0.25];

/** Draws: `pick(list)` is uniform over a list, `chance(p)` true with probability p. */
export function drawing(seed: number, check: number) {
  const k = key(seed, check, 77);
  let drawn = 0;
  const next = () => unit(k, drawn++);
  return {
    pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!,
    chance: (p: number) => next() < p,
  };
}

type Draw = ReturnType<typeof drawing>;

/** Sides up to 13, at least what the kernel needs; odd and even, with and without padding; `oblong`: axes that differ. */
export function drawProblem(draw: Draw, oblong = false): ConvProblem {
  const { pick, chance } = draw;
  const axis = () => {
    const kernel = pick(KERNELS), stride = pick(STRIDES);
    const padding = chance(0.6) ? Math.floor((kernel - 1) / 2) : chance(0.5) ? 0 : pick([0, 1, 2, kernel - 1]);
    return { kernel, stride, padding, after: chance(0.8) ? padding : pick([0, 1, padding]) };
  };
  type Axis = ReturnType<typeof axis>;
  const y = axis(), x = oblong ? axis() : y;
  const side = ({ kernel, padding, after }: Axis) =>
    Math.max(1, kernel - padding - after, pick([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13]));
  const height = side(y), width = side(x);
  const size = ({ kernel, stride, padding, after }: Axis, s: number) =>
    Math.floor((s + padding + after - kernel) / stride) + 1;
  const batch = Math.max(height, width) <= 6 && chance(0.3) ? 16 : pick(BATCHES);
  const image = { batch, height, width, outHeight: size(y, height), outWidth: size(x, width) };
  const channels = { inChannels: pick(CHANNELS), outChannels: pick(CHANNELS) };
  const of = (key: "kernel" | "stride" | "padding") => perAxis(y[key], x[key]);
  return { ...image, ...channels, kernel: of("kernel"), stride: of("stride"), padding: of("padding") };
}

/** A tuning's family, tile size and family of products: each kind is drawn equally often. */
function kindOf(tuning: unknown): string {
  const { family, tile, product } = tuning as { family: string; tile?: number; product?: { family: string } };
  return `${family} ${tile ?? ""} ${product?.family ?? ""}`;
}

/** Half of the time as for a GPU, which is offered other products within Winograd and other broadcasts. */
function drawTuning<Problem, Tuning>(draw: Draw, kernel: Kernel<Problem, Tuning>, problem: Problem, context: Context) {
  const limits = draw.chance(0.5) ? context.limits : { ...context.limits, software: false };
  const tunings = kernel.tunings(problem, limits), kinds = [...new Set(tunings.map(kindOf))];
  const kind = draw.pick(kinds);
  return draw.pick(tunings.filter((tuning) => kindOf(tuning) === kind));
}

/** Runs check `check` on one of the devices, with Dawn's guards (`safe`) or without. */
export async function runCheck(
  seed: number,
  check: number,
  { oblong, ...devices }: { safe: Context; fast: Context; oblong: boolean },
): Promise<Check> {
  const draw = drawing(seed, check), p = drawProblem(draw, oblong), safe = draw.chance(0.5);
  const context = safe ? devices.safe : devices.fast;
  const xShape = [p.batch, p.height, p.width, p.inChannels], yShape = [p.batch, p.outHeight, p.outWidth, p.outChannels];
  const wShape = [...axesOf(p.kernel), p.inChannels, p.outChannels], bShape = [p.outChannels];
  const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const x = random(count(xShape), check), w = random(count(wShape), check + 1), dy = random(count(yShape), check + 2);
  const b = random(p.outChannels, check + 3), step = { step: check, seed }, first = 1000 * check;
  const operand = (shape: readonly number[], data: Float64Array): Operand => ({ shape, data });

  const summed = (kernel: string) =>
    kernel === "conv_backward_weight"
      ? p.batch * p.outHeight * p.outWidth
      : tapsOf(p) * (kernel === "conv_forward" ? p.inChannels : p.outChannels);

  async function compare<Problem extends ConvProblem, Tuning>(
    kernel: Kernel<Problem, Tuning>,
    problem: Problem,
    reads: readonly Operand[],
    expected: readonly Float64Array[],
    shapes: readonly (readonly number[])[],
  ): Promise<Check> {
    const tuning = drawTuning(draw, kernel, problem, context), winograd = kindOf(tuning).startsWith("winograd");
    const about = { check, kernel: kernel.name, problem, tuning, safe };
    try {
      const writes = shapes.map((shape, i): Operand => ({
        shape,
        data: new Float64Array(expected[i]!.length).fill(NaN),
      }));
      const results = await runOp(kernel, problem, tuning, { reads, writes }, context);
      const errors = results.map((result, i) => relativeError(result, expected[i]!));
      // A float32 sum of K terms in sequence is off by about 6e-8 sqrt(K / 2) of its size.
      const tolerance = winograd ? 1e-4 : Math.max(2e-6, 1e-7 * Math.sqrt(summed(kernel.name)));
      return { ...about, errors, right: errors.every((error) => error < tolerance) };
    } catch (error) {
      return { ...about, errors: String(error).split("\n")[0]!, right: false };
    }
  }

  const which = draw.pick(["forward", "data", "weight"]);
  if (which === "forward") {
    const slope = draw.pick(SLOPES),
      dropout = draw.chance(0.3) ? { rate: 0.4, stream: 5, perExample: count(yShape) / p.batch } : null;
    const problem = { ...p, bias: draw.chance(0.8), slope, ...(dropout === null ? {} : { dropout }) };
    const plain = reference.convForward(p, x, w, problem.bias ? b : null);
    const active = slope === null ? plain : reference.leakyRelu(plain, slope);
    const y = dropout === null
      ? active
      : reference.dropout(active, dropout.rate, { ...step, ...dropout, before: first * dropout.perExample });
    const reads = [operand(xShape, x), operand(wShape, w), ...(problem.bias ? [operand(bShape, b)] : [])];
    const steps: Operand = { shape: [4], data: [step.step, step.seed, 0, first], dtype: "u32" };
    return await compare(convForward, problem, dropout === null ? reads : [...reads, steps], [y], [yShape]);
  }
  if (which === "data") {
    const mask = draw.chance(0.5) ? { scale: 2, slope: draw.pick([0, 0.25]) } : null;
    const plain = reference.convBackwardData(p, dy, w);
    const dx = mask === null
      ? plain
      : reference.reluPullback("gradient", mask.slope, plain, x).map((value) => value * mask.scale);
    const reads = [operand(yShape, dy), operand(wShape, w), ...(mask === null ? [] : [operand(xShape, x)])];
    return await compare(convBackwardData, { ...p, ...(mask === null ? {} : { mask }) }, reads, [dx], [xShape]);
  }
  const bias = draw.chance(0.7), dw = reference.convBackwardWeight(p, x, dy);
  const expected = bias ? [dw, reference.sumRows(p.outChannels, dy)] : [dw];
  const reads = [operand(xShape, x), operand(yShape, dy)];
  return await compare(convBackwardWeight, { ...p, bias }, reads, expected, bias ? [wShape, bShape] : [wShape]);
}
