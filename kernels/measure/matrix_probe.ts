/**
 * A small matrix product on matrix units, by the same text as the kernels', with its known result: a device may use
 * them only if it comes out right. Two subgroups multiply 2 m x 2 k by 2 k x n; sums are odd and pass 2048, so that f16
 * could not hold them.
 */
import type { Shader } from "../kernel.ts";
import type { MatrixArray, MatrixConfig } from "../matrix_config.ts";
import { subgroupAttribute } from "../subgroups.ts";
import {
  columnsOf,
  declareSums,
  forEachSum,
  matrixArrays,
  type MatrixTile,
  multiplyStaged,
  rowsOf,
  threadsOf,
} from "../conv/families/matrix/matrix_tile.ts";
import {
  MATRIX_PARAMETERS,
  matrixDeclarations,
  matrixDirectives,
  stageVector,
} from "../conv/families/matrix/subgroup_matrix.ts";

/** Elements of the operands, small integers, alike here and in WGSL. */
const LEFT = { row: 7, column: 3, modulus: 31 }, RIGHT = { row: 5, column: 11, modulus: 29 };
const valueOf = (of: typeof LEFT, row: number, column: number) => (of.row * row + of.column * column) % of.modulus;

export interface MatrixProbe {
  /** Binding 0: the product, f32 [2 m, n]. */
  readonly shader: Shader;
  readonly expected: Float32Array<ArrayBuffer>;
}

/** The probe with the left operand in this order: the gradient of weights has it by columns. */
export function matrixProbe(matrix: MatrixConfig, leftOrder: MatrixArray["order"]): MatrixProbe {
  const tuning: MatrixTile = { down: 2, across: 1, tall: 1, wide: 1, depth: 2 * matrix.k, matrix };
  const rows = rowsOf(tuning), columns = columnsOf(tuning), threads = threadsOf(tuning), { depth } = tuning;
  const arrays = matrixArrays(tuning, leftOrder), { left, right } = arrays, byRows = leftOrder === "row_major";
  const value = (of: typeof LEFT, row: string, column: string) =>
    `f16((${of.row}u * (${row}) + ${of.column}u * (${column})) % ${of.modulus}u)`;
  /** Fills the lines of an array with the four neighbours from \`c\` on of line \`line\`. */
  const fill = (to: MatrixArray, lines: number, line: number, element: (c: number) => string) =>
    `  for (var item = lane; item < ${lines * line / 4}u; item += ${threads}u) {
    let line = item / ${line / 4}u;
    let c = item % ${line / 4}u * 4u;
    let v = vec4<f16>(${[0, 1, 2, 3].map(element).join(", ")});
    ${stageVector(matrix, to, `(line * ${to.stride}u + c / 4u)`, "v")}
  }`;
  const code = `${matrixDirectives(matrix)}
@group(0) @binding(0) var<storage, read_write> output: array<vec4f>;
${matrixDeclarations(matrix, arrays)}
@compute @workgroup_size(${threads})${subgroupAttribute(matrix)}
fn main(@builtin(local_invocation_index) lane: u32, ${MATRIX_PARAMETERS}) {
${
    fill(left, byRows ? rows : depth, byRows ? depth : rows, (c) =>
      byRows ? value(LEFT, "line", `c + ${c}u`) : value(LEFT, `c + ${c}u`, "line"))
  }
${fill(right, depth, columns, (c) => value(RIGHT, "line", `c + ${c}u`))}
${declareSums(tuning)}
  workgroupBarrier();
${multiplyStaged(tuning, arrays)}
${forEachSum(tuning, arrays, `    output[row * ${columns / 4}u + vector] = sum;`)}
}
`;
  const expected = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let k = 0; k < depth; k++) {
        expected[row * columns + column]! += valueOf(LEFT, row, k) * valueOf(RIGHT, k, column);
      }
    }
  }
  return { shader: { code, workgroups: [1, 1, 1] }, expected };
}
