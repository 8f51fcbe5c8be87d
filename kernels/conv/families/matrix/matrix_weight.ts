/**
 * One share of a weight gradient on matrix units, whose steps go through the share's pixels. The workgroups of the first
 * rows also sum the gradients' columns, for the bias.
 */
import type { ConvProblem } from "../../conv_problem.ts";
import { gradientOperands, gradientTiles, locateRow, tapOf } from "../../operands/weight_gradient.ts";
import type { WeightTuning } from "../family.ts";
import { inRounds, keptInRounds } from "../staged.ts";
import { columnsOf, matrixArrays, matrixShader, type MatrixTuning, rowsOf, threadsOf } from "./matrix_tile.ts";
import { stagedVector, stageVector } from "./subgroup_matrix.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv } from "../../../wgsl.ts";

export function matrixWeight(p: ConvProblem, tuning: MatrixTuning & WeightTuning, bias: boolean): Shader {
  const { depth, matrix, parts } = tuning, threads = threadsOf(tuning), image = p.outHeight * p.outWidth;
  const arrays = matrixArrays(tuning, "col_major"), { left, right } = arrays;
  const down = rowsOf(tuning) / 4, across = columnsOf(tuning) / 4, inputs = depth * down, gradients = depth * across;
  const tiles = gradientTiles(p, down, across, parts), { inVectors, outVectors, units, pixels, share, groups } = tiles;
  const { declarations, x, dy, db } = gradientOperands(p, "input", "vec4<f16>", "vec4<f16>");

  const placeInput = (q: number) =>
    `  let unit${q} = min(first_unit + (lane + ${q * threads}u) % ${down}u, ${units - 1}u);
${locateRow(p, "unit", inVectors, q)}
  let left_at${q} = (lane + ${q * threads}u) / ${down}u * ${left.stride}u + (lane + ${q * threads}u) % ${down}u;
  var pixel${q} = begin + (lane + ${q * threads}u) / ${down}u;
  var oy${q} = i32(pixel${q} / ${p.outWidth}u % ${p.outHeight}u);
  var ox${q} = i32(pixel${q} % ${p.outWidth}u);
  var n${q} = i32(pixel${q} / ${image}u);
  var next_x${q}: vec4<f16>;`;
  const placeGradient = (q: number) =>
    `  let item${q} = min(lane + ${q * threads}u, ${gradients - 1}u);
  let right_at${q} = item${q} / ${across}u * ${right.stride}u + item${q} % ${across}u;
  let column${q} = min(first_vector + item${q} % ${across}u, ${outVectors - 1}u);
  var row${q} = begin + item${q} / ${across}u;
  var next_d${q}: vec4<f16>;`;
  /** `depth` pixels on, without a division: images, rows and columns, each with at most one to carry. */
  const advance = (q: number) =>
    `      pixel${q} += ${depth}u;
      ox${q} += ${depth % p.outWidth};
      oy${q} += ${Math.floor(depth / p.outWidth) % p.outHeight} + select(0, 1, ox${q} >= ${p.outWidth});
      ox${q} -= select(0, ${p.outWidth}, ox${q} >= ${p.outWidth});
      n${q} += ${Math.floor(depth / image)} + select(0, 1, oy${q} >= ${p.outHeight});
      oy${q} -= select(0, ${p.outHeight}, oy${q} >= ${p.outHeight});`;
  const fetchInput = (q: number) =>
    `    {
${tapOf(p, q, `pixel${q}`, { oy: `oy${q}`, ox: `ox${q}`, n: `n${q}` })}
      next_x${q} = ${x("at", "inside")};
    }`;
  const fetchGradient = (q: number) =>
    `    next_d${q} = ${dy(`min(row${q}, ${pixels - 1}u) * ${outVectors}u + column${q}`, `row${q} < end`)};`;
  const fetch = `${inRounds(inputs, threads, fetchInput)}\n${inRounds(gradients, threads, fetchGradient)}`;

  const eachBias = (line: (b: number) => string) => bias ? inRounds(across, threads, line) : "";
  const sumBias = (b: number) =>
    `    if (first_unit == 0u && lane + ${b * threads}u < ${across}u) {
      for (var k = 0u; k < ${depth}u; k++) {
        db${b} += ${stagedVector(matrix, right, `(k * ${right.stride}u + lane + ${b * threads}u)`)};
      }
    }`;
  const storeBias = (b: number) => {
    const column = `first_vector + lane + ${b * threads}u`;
    return `  if (first_unit == 0u && lane + ${b * threads}u < ${across}u && ${column} < ${outVectors}u) {
    db[part * ${outVectors}u + ${column}] = db${b};
  }`;
  };
  const store = `    let unit = first_unit + row / 4u;
    let column = first_vector + vector;
    if (unit < ${units}u && column < ${outVectors}u) {
      dw[${tiles.sumAt("row % 4u", "column")}] = sum;
    }`;

  return matrixShader(tuning, arrays, { count: groups, declarations: `${declarations}\n${bias ? db : ""}` }, {
    place: `${tiles.locate("first_vector", "first_unit")}
${inRounds(inputs, threads, placeInput)}
${inRounds(gradients, threads, placeGradient)}`,
    start: `${eachBias((b) => `  var db${b} = vec4f();`)}
${fetch}`,
    steps: ceilDiv(share, depth),
    keep: `${keptInRounds(inputs, threads, (q) => `    ${stageVector(matrix, left, `left_at${q}`, `next_x${q}`)}`)}
${keptInRounds(gradients, threads, (q) => `    ${stageVector(matrix, right, `right_at${q}`, `next_d${q}`)}`)}`,
    next: `    // Past the end what is loaded is masked.
${inRounds(inputs, threads, advance)}
${inRounds(gradients, threads, (q) => `    row${q} += ${depth}u;`)}
${fetch}
${eachBias(sumBias)}`,
    store,
    end: `\n${eachBias(storeBias)}`,
  });
}
