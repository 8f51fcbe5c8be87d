/**
 * One share of a weight gradient on matrix units (matrix_tile.ts), whose steps go through the share's pixels. The
 * workgroups of the first rows also sum the gradients' columns, for the bias.
 */
import type { ConvProblem } from "../../conv_problem.ts";
import { gradientOperands, gradientTiles, locateRow, tapOf } from "../../operands/weight_gradient.ts";
import { columnsOf, matrixArrays, matrixShader, type MatrixTuning, rowsOf, threadsOf } from "./matrix_tile.ts";
import { stagedVector, stageVector } from "./subgroup_matrix.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv, unroll } from "../../../wgsl.ts";

export interface MatrixWeightTuning extends MatrixTuning {
  readonly parts: number;
}

export function matrixWeight(p: ConvProblem, tuning: MatrixWeightTuning, bias: boolean): Shader {
  const { depth, matrix, parts } = tuning, threads = threadsOf(tuning);
  const arrays = matrixArrays(tuning, "col_major"), { left, right } = arrays;
  const down = rowsOf(tuning) / 4, across = columnsOf(tuning) / 4, image = p.outHeight * p.outWidth;
  const tiles = gradientTiles(p, down, across, parts), { inVectors, outVectors, units, pixels } = tiles;
  const { declarations, x, dy, db } = gradientOperands(p, "input", "vec4<f16>", "vec4<f16>");

  /** `depth` pixels on, without a division: images, rows and columns, each with at most one to carry. */
  const advance = (q: number) =>
    `      pixel${q} += ${depth}u;
      ox${q} += ${depth % p.outWidth};
      oy${q} += ${Math.floor(depth / p.outWidth) % p.outHeight} + select(0, 1, ox${q} >= ${p.outWidth});
      ox${q} -= select(0, ${p.outWidth}, ox${q} >= ${p.outWidth});
      n${q} += ${Math.floor(depth / image)} + select(0, 1, oy${q} >= ${p.outHeight});
      oy${q} -= select(0, ${p.outHeight}, oy${q} >= ${p.outHeight});`;

  const biasRounds = ceilDiv(across, threads);
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

  return matrixShader(tuning, arrays, {
    groups: tiles.groups,
    declarations: `${declarations}
${bias ? db : ""}`,
    locate: tiles.locate("first_vector", "first_unit"),
    left: {
      vectors: depth * down,
      place: (q) =>
        `  let unit${q} = min(first_unit + (lane + ${q * threads}u) % ${down}u, ${units - 1}u);
${locateRow(p, "unit", inVectors, q)}
  let left_at${q} = (lane + ${q * threads}u) / ${down}u * ${left.stride}u + (lane + ${q * threads}u) % ${down}u;
  var pixel${q} = begin + (lane + ${q * threads}u) / ${down}u;
  var oy${q} = i32(pixel${q} / ${p.outWidth}u % ${p.outHeight}u);
  var ox${q} = i32(pixel${q} % ${p.outWidth}u);
  var n${q} = i32(pixel${q} / ${image}u);
  var next_x${q}: vec4<f16>;`,
      fetch: (q) =>
        `    {
${tapOf(p, q, { oy: `oy${q}`, ox: `ox${q}`, n: `n${q}`, pixel: `pixel${q}` })}
      next_x${q} = ${x("at", "inside")};
    }`,
      keep: (q) => `    ${stageVector(matrix, left, `left_at${q}`, `next_x${q}`)}`,
    },
    right: {
      vectors: depth * across,
      place: (q) =>
        `  let item${q} = min(lane + ${q * threads}u, ${depth * across - 1}u);
  let right_at${q} = item${q} / ${across}u * ${right.stride}u + item${q} % ${across}u;
  let column${q} = min(first_vector + item${q} % ${across}u, ${outVectors - 1}u);
  var row${q} = begin + item${q} / ${across}u;
  var next_d${q}: vec4<f16>;`,
      fetch: (q) =>
        `    next_d${q} = ${dy(`min(row${q}, ${pixels - 1}u) * ${outVectors}u + column${q}`, `row${q} < end`)};`,
      keep: (q) => `    ${stageVector(matrix, right, `right_at${q}`, `next_d${q}`)}`,
    },
    steps: ceilDiv(tiles.share, depth),
    first: (fetch) => `${bias ? unroll(biasRounds, (b) => `  var db${b} = vec4f();`) : ""}\n${fetch}`,
    next: (fetch, eachLeft, eachRight) =>
      `    // Past the end what is loaded is masked.
${eachLeft(advance)}
${eachRight((q) => `    row${q} += ${depth}u;`)}
${fetch}
${bias ? unroll(biasRounds, sumBias) : ""}`,
    store: `    let unit = first_unit + row / 4u;
    let column = first_vector + vector;
    if (unit < ${units}u && column < ${outVectors}u) {
      dw[${tiles.sumAt("row % 4u", "column")}] = sum;
    }`,
    after: `\n${bias ? unroll(biasRounds, storeBias) : ""}`,
  });
}
