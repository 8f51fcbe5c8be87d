/**
 * Matrices of subgroup_matrix.ts without matrix units: a lane holds the rows lane, lane + lanes, ... of each matrix, and
 * hands rows of the right one round by `subgroupShuffle`. Slow; it makes the kernels testable where there are subgroups.
 *
 * Loops start at `lane / 1024`, a 0 that compilers do not know: unrolled, they take llvmpipe three times as long.
 */
import type { MatrixArray, MatrixArrays, MatrixConfig } from "../../../matrix_config.ts";

/** The types `Left`, `Right`, `Sum` and the functions that subgroup_matrix.ts calls. `lanes` must divide m and k. */
export function emulatedDeclarations(
  { m, n, k, lanes }: MatrixConfig,
  { left, right, sums }: MatrixArrays,
  wide: boolean,
): string {
  const type = (name: string, rows: number, columns: number) =>
    `struct ${name} { rows: array<array<vec4f, ${columns / 4}>, ${rows / lanes}> }\n`;
  const element = (name: string) => wide ? `f32(${name}[i / 4u][i % 4u])` : `f32(${name}[i])`;
  const load = (name: string, { name: array, stride, order }: MatrixArray, rows: number, columns: number) => {
    const [down, across] = order === "row_major" ? [4 * stride, 1] : [1, 4 * stride];
    return `fn load_${name.toLowerCase()}(at: u32, lane: u32) -> ${name} {
  var matrix: ${name};
  for (var r = 0u; r < ${rows / lanes}u; r++) {
    for (var c = lane / 1024u; c < ${columns}u; c++) {
      let i = 4u * at + (lane + r * ${lanes}u) * ${down}u + c * ${across}u;
      matrix.rows[r][c / 4u][c % 4u] = ${element(array)};
    }
  }
  return matrix;
}
`;
  };
  const put = wide
    ? `${sums.name}[i] = v;`
    : [0, 1, 2, 3].map((c) => `${sums.name}[4u * i + ${c}u] = v[${c}];`).join(" ");
  return `${type("Left", m, k)}${type("Right", k, n)}${type("Sum", m, n)}\
${load("Left", left, m, k)}${load("Right", right, k, n)}\
fn multiply(left: Left, right: Right, sum: Sum, lane: u32) -> Sum {
  var l = left;
  var r = right;
  var s = sum;
  for (var k = lane / 1024u; k < ${k}u; k++) {
    for (var c = 0u; c < ${n / 4}u; c++) {
      let row = subgroupShuffle(r.rows[k / ${lanes}u][c], k % ${lanes}u);
      for (var i = 0u; i < ${m / lanes}u; i++) { s.rows[i][c] += l.rows[i][k / 4u][k % 4u] * row; }
    }
  }
  return s;
}
fn store_sum(at: u32, sum: Sum, lane: u32) {
  var s = sum;
  for (var r = 0u; r < ${m / lanes}u; r++) {
    for (var c = 0u; c < ${n / 4}u; c++) {
      let i = at + (lane + r * ${lanes}u) * ${sums.stride}u + c;
      let v = s.rows[r][c];
      ${put}
    }
  }
}
`;
}
