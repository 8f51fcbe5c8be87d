/**
 * Matrix products on matrix units: a workgroup of down x across subgroups holds `rows` x `columns` sums, each subgroup
 * tall x wide matrices of them, and steps through the inner dimension `depth` at a time. For each step its threads copy
 * rows x depth of the left and depth x columns of the right operand, f16, to workgroup memory, then its subgroups
 * multiply; what the next step needs is loaded meanwhile. Edges are filled with 0 where they are staged. Sums are f32 and
 * have no elements: each subgroup stores one matrix at a time to its place in workgroup memory, and its threads go on
 * from there.
 */
import type { Shader } from "../../../kernel.ts";
import type { MatrixArray, MatrixArrays, MatrixConfig } from "../../../matrix_config.ts";
import { type StagedProduct, stagedShader } from "../staged.ts";
import {
  loadMatrix,
  MATRIX_PARAMETERS,
  matrixDeclarations,
  matrixDirectives,
  multiplyMatrices,
  stagedVector,
  storeSum,
} from "./subgroup_matrix.ts";
import { subgroupAttribute } from "../../../subgroups.ts";
import { ceilDiv, type Grid, LANE, unroll } from "../../../wgsl.ts";

/** The tile of a workgroup, in subgroups and in matrices of each. */
export interface MatrixTile {
  readonly down: number;
  readonly across: number;
  readonly tall: number;
  readonly wide: number;
  readonly depth: number;
  readonly matrix: MatrixConfig;
}

export interface MatrixTuning extends MatrixTile {
  readonly family: "matrix";
}

/**
 * Vectors of four f16 by which rows of staged operands are longer than needed: 16 bytes more than a multiple of 32, so
 * that eight neighbouring rows begin in different banks of 4 bytes, of which NVIDIA's have 32.
 */
const PAD = 2;

export const rowsOf = ({ down, tall, matrix }: MatrixTile): number => down * tall * matrix.m;
export const columnsOf = ({ across, wide, matrix }: MatrixTile): number => across * wide * matrix.n;
export const threadsOf = ({ down, across, matrix }: MatrixTile): number => down * across * matrix.lanes;

/** The arrays of workgroup memory. The left operand's columns may be contiguous instead of its rows. */
export function matrixArrays(tuning: MatrixTile, leftOrder: MatrixArray["order"]): MatrixArrays {
  const { down, across, depth, matrix: { m, n } } = tuning, rows = rowsOf(tuning);
  const array = (name: string, lines: number, line: number, order: MatrixArray["order"]): MatrixArray => {
    const stride = line / 4 + PAD;
    return { name, vectors: lines * stride, stride, order };
  };
  return {
    left: leftOrder === "row_major" ? array("left", rows, depth, leftOrder) : array("left", depth, rows, leftOrder),
    right: array("right", depth, columnsOf(tuning), "row_major"),
    sums: { name: "sums", vectors: down * across * m * n / 4, stride: n / 4, order: "row_major" },
  };
}

const each = ({ tall, wide }: MatrixTile, line: (i: number, j: number) => string) =>
  unroll(tall, (i) => unroll(wide, (j) => line(i, j)));

/** WGSL that declares the sums of a subgroup, all 0, and where its part of the tile begins. */
export function declareSums(tuning: MatrixTile): string {
  const { across, tall, wide, matrix: { m, n } } = tuning;
  return `  let subgroup_row = subgroup / ${across}u * ${tall * m}u;
  let subgroup_vector = subgroup % ${across}u * ${wide * n / 4}u;
${each(tuning, (i, j) => `  var sum${i}_${j} = Sum();`)}`;
}

/** WGSL that multiplies what is staged: depth / k times tall x wide matrices. */
export function multiplyStaged(tuning: MatrixTile, { left, right }: MatrixArrays): string {
  const { tall, wide, depth, matrix } = tuning, { m, n, k } = matrix;
  const leftAt = (i: number) =>
    left.order === "row_major"
      ? `(subgroup_row + ${i * m}u) * ${left.stride}u + kk * ${k / 4}u`
      : `kk * ${k * left.stride}u + subgroup_row / 4u + ${i * m / 4}u`;
  const rightAt = (j: number) => `kk * ${k * right.stride}u + subgroup_vector + ${j * n / 4}u`;
  return `    for (var kk = 0u; kk < ${depth / k}u; kk++) {
${unroll(wide, (j) => `      let right${j} = ${loadMatrix(matrix, "Right", right, rightAt(j))};`)}
${
    unroll(tall, (i) =>
      `      let left${i} = ${loadMatrix(matrix, "Left", left, leftAt(i))};
${unroll(wide, (j) => `      sum${i}_${j} = ${multiplyMatrices(matrix, `left${i}`, `right${j}`, `sum${i}_${j}`)};`)}`)
  }
    }`;
}

/** WGSL that runs `body` once for every four neighbours of the tile: `row`, `vector` (of the tile) and `sum`, a vec4f. */
export function forEachSum(tuning: MatrixTile, { sums }: MatrixArrays, body: string): string {
  const { matrix } = tuning, { m, n, lanes } = matrix, across = n / 4, count = m * across;
  const guard = count % lanes === 0 ? "" : `      if (item >= ${count}u) { break; }\n`;
  return `  let place = subgroup * ${count}u;
${
    each(tuning, (i, j) =>
      `${i + j === 0 ? "" : "  workgroupBarrier();\n"}\
  ${storeSum(matrix, sums, "place", `sum${i}_${j}`)}
  workgroupBarrier();
  for (var round = 0u; round < ${ceilDiv(count, lanes)}u; round++) {
    let item = round * ${lanes}u + sublane;
${guard}\
    let row = subgroup_row + ${i * m}u + item / ${across}u;
    let vector = subgroup_vector + ${j * across}u + item % ${across}u;
    let sum = ${stagedVector(matrix, sums, "(place + item)")};
${body}
  }`)
  }`;
}

/** A staged product, of `count` workgroups; `place` comes before the sums, and `store` is for four neighbours of them. */
export function matrixShader(
  tile: MatrixTile,
  arrays: MatrixArrays,
  { count, declarations: bindings }: Pick<Grid, "count" | "declarations">,
  { place, start, store, end = "", ...rest }: Omit<StagedProduct, "multiply"> & { place: string; end?: string },
): Shader {
  const declarations = `${matrixDirectives(tile.matrix)}\n${bindings}\n${matrixDeclarations(tile.matrix, arrays)}`;
  const builtins = `${LANE}, ${MATRIX_PARAMETERS}`;
  const attributes = subgroupAttribute(tile.matrix);
  return stagedShader({ count, size: threadsOf(tile), declarations, builtins, attributes }, {
    ...rest,
    start: `${place}\n${declareSums(tile)}\n${start}`,
    multiply: multiplyStaged(tile, arrays),
    store: `${forEachSum(tile, arrays, store)}${end}`,
  });
}
