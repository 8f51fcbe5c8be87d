/**
 * One share of a weight gradient on matrix units, whose steps go through the share's pixels. The workgroups of the first
 * rows also sum the gradients' columns, for the bias.
 */
import type { ConvProblem } from "../../conv_problem.ts";
import { gradientFetch, type GradientTile } from "../../operands/gradient_fetch.ts";
import { gradientOperands, gradientTiles } from "../../operands/weight_gradient.ts";
import type { WeightTuning } from "../family.ts";
import { inRounds, keptInRounds } from "../staged.ts";
import { columnsOf, matrixArrays, matrixShader, type MatrixTuning, rowsOf, threadsOf } from "./matrix_tile.ts";
import { stagedVector, stageVector } from "./subgroup_matrix.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv } from "../../../wgsl.ts";

/** What a workgroup stages. */
export const gradientTile = (tuning: MatrixTuning): GradientTile => ({
  down: rowsOf(tuning) / 4,
  across: columnsOf(tuning) / 4,
  depth: tuning.depth,
  threads: threadsOf(tuning),
  vector: "vec4<f16>",
});

export function matrixWeight(p: ConvProblem, tuning: MatrixTuning & WeightTuning, bias: boolean): Shader {
  const { depth, matrix, parts } = tuning, tile = gradientTile(tuning);
  const arrays = matrixArrays(tuning, "col_major"), { left, right } = arrays;
  const { down, across, threads } = tile, inputs = depth * down, gradients = depth * across;
  const tiles = gradientTiles(p, down, across, parts), { outVectors, units, share, groups } = tiles;
  const operands = gradientOperands(p, "input", "vec4<f16>", "vec4<f16>");
  const of = gradientFetch(p, tiles, operands, tile);
  /** Where a thread's vector of a step lies in workgroup memory, of rows with `line` vectors. */
  const staged = (stride: number, item: string, line: number) => `${item} / ${line}u * ${stride}u + ${item} % ${line}u`;
  const placeStaged = `\
${inRounds(inputs, threads, (q) => `  let left_at${q} = ${staged(left.stride, `(lane + ${q * threads}u)`, down)};`)}
${inRounds(gradients, threads, (q) => `  let right_at${q} = ${staged(right.stride, `item${q}`, across)};`)}`;
  const store = `    let unit = first_unit + row / 4u;
    let column = first_vector + vector;
    if (unit < ${units}u && column < ${outVectors}u) {
      dw[${tiles.sumAt("row % 4u", "column")}] = sum;
    }`;

  const declarations = `${operands.declarations}\n${bias ? operands.db : ""}`;
  return matrixShader(tuning, arrays, { count: groups, declarations }, {
    place: `${tiles.locate("first_vector", "first_unit")}
${of.place}
${placeStaged}`,
    start: `${bias ? of.bias.declare : ""}
${of.fetch}`,
    steps: ceilDiv(share, depth),
    keep: `${keptInRounds(inputs, threads, (q) => `    ${stageVector(matrix, left, `left_at${q}`, `next_x${q}`)}`)}
${keptInRounds(gradients, threads, (q) => `    ${stageVector(matrix, right, `right_at${q}`, `next_d${q}`)}`)}`,
    next: `${of.advance}
${of.fetch}
${bias ? of.bias.sum((k, column) => stagedVector(matrix, right, `(${k} * ${right.stride}u + ${column})`)) : ""}`,
    store,
    end: bias ? `\n${of.bias.store}` : "",
  });
}
