/**
 * What the kernels on matrix units share: the tile of a workgroup, and the WGSL that multiplies what is staged and hands
 * the sums out. A workgroup of down x across subgroups holds `rows` x `columns` sums, each subgroup tall x wide matrices
 * of them; it stages `depth` of the inner dimension at a time. Sums have no elements: each subgroup stores one matrix at
 * a time to its place in workgroup memory, and its threads go on from there.
 */
import type { Limits } from "../../kernel.ts";
import type { MatrixArray, MatrixArrays, MatrixConfig } from "../../matrix_config.ts";
import { loadMatrix, multiplyMatrices, stagedVector, storeSum } from "./subgroup_matrix.ts";
import { ceilDiv, unroll } from "../../wgsl.ts";

export interface MatrixTuning {
  readonly family: "matrix";
  readonly down: number;
  readonly across: number;
  readonly tall: number;
  readonly wide: number;
  readonly depth: number;
  readonly matrix: MatrixConfig;
}

/** Subgroups, and matrices of each. With 16 x 16 matrices: 64 x 96, 128 x 96, ... 96 and 192 are no multiples of 128. */
const TILES: readonly Pick<MatrixTuning, "down" | "across" | "tall" | "wide">[] = [
  { down: 4, across: 2, tall: 2, wide: 3 },
  { down: 2, across: 2, tall: 4, wide: 3 },
  { down: 2, across: 2, tall: 2, wide: 3 },
  { down: 2, across: 4, tall: 2, wide: 3 },
  { down: 4, across: 2, tall: 4, wide: 3 },
  { down: 4, across: 2, tall: 2, wide: 2 },
  { down: 2, across: 2, tall: 4, wide: 2 },
  { down: 2, across: 2, tall: 2, wide: 2 },
  { down: 1, across: 2, tall: 2, wide: 3 },
  { down: 2, across: 1, tall: 2, wide: 2 },
];

/** How many matrices deep operands are staged at once. */
const DEPTHS = [2, 1];

/**
 * Vectors of four f16 by which rows of staged operands are longer than needed: 16 bytes more than a multiple of 32, so
 * that eight neighbouring rows begin in different banks of 4 bytes, of which NVIDIA's have 32.
 */
const PAD = 2;

export const rowsOf = ({ down, tall, matrix }: MatrixTuning): number => down * tall * matrix.m;
export const columnsOf = ({ across, wide, matrix }: MatrixTuning): number => across * wide * matrix.n;
export const threadsOf = ({ down, across, matrix }: MatrixTuning): number => down * across * matrix.lanes;

/** The arrays of workgroup memory. The left operand's columns may be contiguous instead of its rows. */
export function matrixArrays(tuning: MatrixTuning, leftOrder: MatrixArray["order"]): MatrixArrays {
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

/** Bytes of workgroup memory, for the order of the left operand that needs more of it. */
function bytesOf(tuning: MatrixTuning): number {
  return Math.max(...(["row_major", "col_major"] as const).map((order) => {
    const { left, right, sums } = matrixArrays(tuning, order);
    return 8 * (left.vectors + right.vectors) + 16 * sums.vectors;
  }));
}

/** The tiles that fit a device with matrix units, for channels in fours. */
export function matrixTunings(inner: number, columns: number, limits: Limits): MatrixTuning[] {
  const { matrix, workgroupInvocations, workgroupStorage } = limits;
  if (matrix === undefined || inner % 4 !== 0 || columns % 4 !== 0) return [];
  return DEPTHS.flatMap((depth) =>
    TILES.map((tile): MatrixTuning => ({ family: "matrix", ...tile, depth: depth * matrix.k, matrix }))
  ).filter((tuning) =>
    threadsOf(tuning) <= workgroupInvocations && bytesOf(tuning) <= workgroupStorage &&
    columnsOf(tuning) <= 32 * Math.ceil(columns / 32)
  );
}

const each = ({ tall, wide }: MatrixTuning, line: (i: number, j: number) => string) =>
  unroll(tall, (i) => unroll(wide, (j) => line(i, j)));

/** WGSL that declares the sums of a subgroup, all 0, and where its part of the tile begins. */
export function declareSums(tuning: MatrixTuning): string {
  const { across, tall, wide, matrix: { m, n } } = tuning;
  return `  let subgroup_row = subgroup / ${across}u * ${tall * m}u;
  let subgroup_vector = subgroup % ${across}u * ${wide * n / 4}u;
${each(tuning, (i, j) => `  var sum${i}_${j} = Sum();`)}`;
}

/** WGSL that multiplies what is staged: depth / k times tall x wide matrices. */
export function multiplyStaged(tuning: MatrixTuning, { left, right }: MatrixArrays): string {
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
export function forEachSum(tuning: MatrixTuning, { sums }: MatrixArrays, body: string): string {
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
