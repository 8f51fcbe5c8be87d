/** Matrix units (matrix_tile.ts), for half precision, and input and output channels in fours. */
import { BEST_SHARE, gpuRate, type ProductShape, tileSeconds } from "../../estimate.ts";
import { biasSums } from "../../operands/gradient_fetch.ts";
import type { Channels, Family, WeightTuning } from "../family.ts";
import { columnsOf, matrixArrays, type MatrixTile, type MatrixTuning, rowsOf, threadsOf } from "./matrix_tile.ts";
import { matrixProduct } from "./matrix_product.ts";
import { gradientTile, matrixWeight } from "./matrix_weight.ts";
import type { Limits } from "../../../kernel.ts";

/** Subgroups, and matrices of each. With 16 x 16 matrices: 64 x 96, 128 x 96, ... 96 and 192 are no multiples of 128. */
const TILES: readonly Omit<MatrixTile, "depth" | "matrix">[] = [
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

/** Bytes of workgroup memory, for the order of the left operand that needs more of it. */
function bytesOf(tuning: MatrixTile): number {
  return Math.max(...(["row_major", "col_major"] as const).map((order) => {
    const { left, right, sums } = matrixArrays(tuning, order);
    return 8 * (left.vectors + right.vectors) + 16 * sums.vectors;
  }));
}

/** The tiles that fit a device with matrix units. */
function candidates({ input, output, dtype }: Channels, limits: Limits): MatrixTuning[] {
  const { matrix, workgroupInvocations, workgroupStorage } = limits;
  if (matrix === undefined || dtype !== "f16" || input % 4 !== 0 || output % 4 !== 0) return [];
  return DEPTHS.flatMap((depth) =>
    TILES.map((tile): MatrixTuning => ({ family: "matrix", ...tile, depth: depth * matrix.k, matrix }))
  ).filter((tuning) =>
    threadsOf(tuning) <= workgroupInvocations && bytesOf(tuning) <= workgroupStorage &&
    columnsOf(tuning) <= 32 * Math.ceil(output / 32)
  );
}

/**
 * How much faster matrix units are than the best tile: the least of 2.5 to 3.6 times that llama.cpp's WGSL kernels show
 * (ggml-org/llama.cpp#22504). Not measured here.
 */
const GAIN = 2.5;

function seconds(shape: ProductShape, tuning: MatrixTuning, limits: Limits): number {
  const rows = rowsOf(tuning), columns = columnsOf(tuning), perThread = rows * columns / threadsOf(tuning);
  const rate = limits.software ? 1e8 : gpuRate(GAIN * BEST_SHARE); // emulated: for tests alone
  return tileSeconds(shape, { rows, columns, perThread }, rate, limits);
}

export const matrix: Family<MatrixTuning, MatrixTuning & WeightTuning> = {
  key: "matrix",
  proven: false, // has run in emulation alone, on no units yet
  product: { candidates, shader: matrixProduct, seconds },
  weight: {
    biasSums: (tuning) => biasSums(gradientTile(tuning)),
    divides: "pixels",
    candidates: (channels, parts, limits) => candidates(channels, limits).map((tuning) => ({ ...tuning, parts })),
    shader: matrixWeight,
    seconds,
  },
};
