/**
 * Threads along the rows, without workgroup memory, for any channels and any device: where `direct` lays the threads of a
 * group along the columns, here all 64 of a workgroup read one address of the columns' operand, and each its own row.
 *
 * Product: a thread holds one pixel by `vectors` vectors of channels. Weight gradient: one input channel of one tap by
 * `vectors` vectors of output channels; each of `parts` workgroups per tile sums a contiguous share of the output rows.
 */
import { type ConvProblem, tapsOf } from "../conv_problem.ts";
import { gpuRate, type ProductShape, tileSeconds } from "../estimate.ts";
import { type PixelProduct, productOperands } from "../operands/pixel_product.ts";
import { gradientOperands } from "../operands/weight_gradient.ts";
import type { Channels, Family, WeightTuning } from "./family.ts";
import type { Limits, Shader } from "../../kernel.ts";
import { axesOf } from "../../per_axis.ts";
import { ceilDiv, LANE, perWorkgroup, unroll } from "../../wgsl.ts";

interface RowwiseTuning {
  readonly family: "rowwise";
  readonly vectors: number;
}

const THREADS = 64;

/** Vectors of `channels`, in fours where that divides them. */
const vectorsOf = (channels: number) => channels % 4 === 0 ? channels / 4 : channels;

function productShader(g: PixelProduct, { vectors }: RowwiseTuning): Shader {
  const wide = g.output.channels % 4 === 0, deep = g.input.channels % 4 === 0, depth = deep ? 4 : 1;
  const columns = vectorsOf(g.output.channels), chunks = vectorsOf(g.input.channels), type = wide ? "vec4f" : "f32";
  const groups = ceilDiv(columns, vectors), column = (v: number) => `min(column + ${v}u, ${columns - 1}u)`;
  const of = productOperands(g, deep ? "vec4f" : "f32", type), { tiles, locate } = of.tilesOf(THREADS);
  const add = (k: number) =>
    unroll(vectors, (v) => {
      const weight = of.weight(`(slice * ${chunks}u + k) * ${depth * columns}u + ${k * columns}u + ${column(v)}`);
      return `        sum${v} += value${deep ? `.${"xyzw"[k]}` : ""} * ${weight};`;
    });
  const body = `  let column = (index % ${groups}u) * ${vectors}u;
${locate(`index / ${groups}u`)}
  let pixel = min(first + lane, end - 1u);
${of.locate("pixel", 0)}
${unroll(vectors, (v) => `  var sum${v} = ${type}();`)}
  for (var ty = 0; ty < ${g.y.taps}; ty++) {
    for (var tx = 0; tx < ${g.x.taps}; tx++) {
      let slice = u32(${of.slice});
${of.tap(0, chunks)}
      for (var k = 0u; k < ${chunks}u; k++) {
        let value = ${of.pixel("at0", "inside0", "k")};
${unroll(depth, add)}
      }
    }
  }
  if (first + lane >= end) { return; }
  let at = ${of.outputAt(0, columns)} + column;
${
    unroll(vectors, (v) =>
      `  if (column + ${v}u < ${columns}u) { ${of.store(`at + ${v}u`, `sum${v}`, of.bias(column(v)))} }`)
  }`;
  const { declarations } = of;
  return perWorkgroup({ count: groups * tiles, size: THREADS, declarations, builtins: LANE }, body);
}

function weightShader(p: ConvProblem, { vectors, parts }: RowwiseTuning & WeightTuning): Shader {
  const type = p.outChannels % 4 === 0 ? "vec4f" : "f32", columns = vectorsOf(p.outChannels);
  const groups = ceilDiv(columns, vectors), rows = tapsOf(p) * p.inChannels, rowGroups = ceilDiv(rows, THREADS);
  const outRows = p.batch * p.outHeight, share = ceilDiv(outRows, parts);
  const [, columnTaps] = axesOf(p.kernel), [top, left] = axesOf(p.padding), [down, across] = axesOf(p.stride);
  const { declarations, x, dy } = gradientOperands(p, "x", "f32", type);
  const add = (v: number) =>
    `        sum${v} += value * ${
      dy(`(line * ${p.outWidth}u + ox) * ${columns}u + min(column + ${v}u, ${columns - 1}u)`)
    };`;
  const body = `  let column = (index % ${groups}u) * ${vectors}u;
  let row = (index / ${groups}u) % ${rowGroups}u * ${THREADS}u + lane;
  let part = index / ${groups * rowGroups}u;
  let ky = i32(min(row, ${rows - 1}u) / ${columnTaps * p.inChannels}u) - ${top};
  let kx = i32(min(row, ${rows - 1}u) / ${p.inChannels}u % ${columnTaps}u) - ${left};
  let ci = row % ${p.inChannels}u;
${unroll(vectors, (v) => `  var sum${v} = ${type}();`)}
  for (var line = part * ${share}u; line < min((part + 1u) * ${share}u, ${outRows}u); line++) {
    let iy = i32(line % ${p.outHeight}u) * ${down} + ky;
    if (iy >= 0 && iy < ${p.height}) {
      let before = i32((line / ${p.outHeight}u) * ${p.height}u + u32(iy)) * ${p.width};
      for (var ox = 0u; ox < ${p.outWidth}u; ox++) {
        let ix = i32(ox) * ${across} + kx;
        if (ix < 0 || ix >= ${p.width}) { continue; }
        let value = ${x(`u32(before + ix) * ${p.inChannels}u + ci`)};
${unroll(vectors, add)}
      }
    }
  }
  if (row >= ${rows}u) { return; }
  let out = (part * ${rows}u + row) * ${columns}u + column;
${unroll(vectors, (v) => `  if (column + ${v}u < ${columns}u) { dw[out + ${v}u] = sum${v}; }`)}`;
  const count = groups * rowGroups * parts;
  return perWorkgroup({ count, size: THREADS, declarations, builtins: LANE }, body);
}

const candidates = ({ output }: Channels, { workgroupInvocations }: Limits): RowwiseTuning[] =>
  THREADS > workgroupInvocations
    ? []
    : [4, 1].filter((vectors) => vectors <= vectorsOf(output)).map((vectors) => ({ family: "rowwise", vectors }));

/** CPU: measured on llvmpipe. GPU: not measured, a rate below those of all other families, so that it comes after them. */
function seconds(shape: ProductShape, { vectors }: RowwiseTuning, limits: Limits): number {
  const perThread = vectors * (shape.columns % 4 === 0 ? 4 : 1), onCpu = 5e9 + 2.5e8 * perThread;
  const rate = limits.software ? onCpu : gpuRate(0.001);
  return tileSeconds(shape, { rows: THREADS, columns: perThread, perThread }, rate, limits);
}

export const rowwise: Family<RowwiseTuning, RowwiseTuning & WeightTuning> = {
  key: "rowwise",
  proven: false, // its results are checked by the tests, but `seconds` is a guess
  product: { candidates, shader: productShader, seconds },
  weight: {
    biasSums: () => 0,
    divides: "rows",
    candidates: (channels, parts, limits) => candidates(channels, limits).map((tuning) => ({ ...tuning, parts })),
    shader: weightShader,
    seconds,
  },
};
