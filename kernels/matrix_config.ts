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
  /** Rows of the left matrix and of the sums. */
  readonly m: number;
  /** Columns of the right matrix and of the sums. */
  readonly n: number;
  /** Columns of the left matrix, and rows of the right one. */
  readonly k: number;
  /** Threads of a subgroup. */
  readonly lanes: number;
  /** Shaders ask for subgroups of that size; absent where all have it. */
  readonly asked?: true;
  /** How WGSL says it on this device. */
  readonly dialect: MatrixDialect;
}

/** Matrices in an array of workgroup memory, whose elements are counted in fours: its size, and their stride. */
export interface MatrixArray {
  /** The variable of WGSL. */
  readonly name: string;
  /** Its size, in vectors of four elements. */
  readonly vectors: number;
  /** From one row to the next, or from one column to the next where columns are contiguous. */
  readonly stride: number;
  /** Are rows contiguous, or columns? */
  readonly order: "row_major" | "col_major";
}

/** The arrays that a kernel stages operands in and takes sums from. */
export interface MatrixArrays {
  /** The left operand. */
  readonly left: MatrixArray;
  /** The right operand. */
  readonly right: MatrixArray;
  /** The products' sums. */
  readonly sums: MatrixArray;
}

/** Do the arrays hold vectors of four? */
export const isWide = (dialect: MatrixDialect): boolean => dialect === "vectors" || dialect === "emulated";
/** Are the matrices functions over a subgroup's lanes, without units of the device? */
export const isEmulated = (dialect: MatrixDialect): boolean => dialect.startsWith("emulated");
