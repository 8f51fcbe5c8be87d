/** What a device's matrix units multiply, and how WGSL says so: data that subgroup_matrix.ts turns into text. */

/**
 * vectors    `subgroupMatrixLoad<T, row_major>(p, offset, stride)` on arrays of vec4<f16>: a thread stages four at once
 * scalars    the same on arrays of f16
 * flag       `subgroupMatrixLoad<T>(p, offset, col_major, stride)`, deprecated in August 2026, on arrays of f16
 * emulated   functions over the lanes' shares, on arrays of vec4<f16>; emulated_scalars: on arrays of f16
 */
export type MatrixDialect = "vectors" | "scalars" | "flag" | "emulated" | "emulated_scalars";

/** The dialects of real matrices, the best first. */
export const DIALECTS: readonly MatrixDialect[] = ["vectors", "scalars", "flag"];

/** An m x k matrix of f16 times a k x n matrix of f16, summed in f32, held by the `lanes` threads of a subgroup. */
export interface MatrixConfig {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly lanes: number;
  readonly dialect: MatrixDialect;
}

/** Matrices in an array of workgroup memory, whose elements are counted in fours: its size, and their stride. */
export interface MatrixArray {
  readonly name: string;
  readonly vectors: number;
  /** From one row to the next, or from one column to the next where columns are contiguous. */
  readonly stride: number;
  readonly order: "row_major" | "col_major";
}

/** The arrays that a kernel stages operands in and takes sums from. */
export interface MatrixArrays {
  readonly left: MatrixArray;
  readonly right: MatrixArray;
  readonly sums: MatrixArray;
}

/** Do the arrays hold vectors of four? */
export const isWide = (dialect: MatrixDialect): boolean => dialect === "vectors" || dialect === "emulated";
export const isEmulated = (dialect: MatrixDialect): boolean => dialect.startsWith("emulated");
