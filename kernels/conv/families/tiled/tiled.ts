/**
 * Matrix products through workgroup memory, for input and output channels in fours: the family for most GPUs. A workgroup
 * holds `rows` by `columns` sums, and steps through the inner dimension `depth` at a time. For each step its threads copy
 * rows x depth of the left and depth x columns of the right operand to workgroup memory, then each multiplies
 * `threadRows` rows by `threadVectors` vectors of four columns. A thread's rows and vectors are spread over the tile with
 * the stride of the workgroup.
 */
import { gpuRate, gradientSeconds, type ProductShape, shareOfLoop, tileSeconds } from "../../estimate.ts";
import { biasSums } from "../../operands/gradient_fetch.ts";
import type { Channels, Family, WeightTuning } from "../family.ts";
import { tiledThreads, type TiledTuning } from "./tiled_tuning.ts";
import { tiledProduct } from "./tiled_product.ts";
import { gradientTile, tiledWeight } from "./tiled_weight.ts";
import type { Limits } from "../../../kernel.ts";

/** Tiles of [rows, columns], and what one thread of them multiplies. 96 and 192 channels are no multiples of 128. */
const TILES: readonly Omit<TiledTuning, "family" | "depth">[] = [
  { rows: 128, columns: 96, threadRows: 8, threadVectors: 3 },
  { rows: 64, columns: 96, threadRows: 4, threadVectors: 3 },
  { rows: 64, columns: 96, threadRows: 8, threadVectors: 2 },
  { rows: 128, columns: 96, threadRows: 8, threadVectors: 2 },
  { rows: 64, columns: 64, threadRows: 8, threadVectors: 2 },
  { rows: 128, columns: 64, threadRows: 8, threadVectors: 2 },
  { rows: 64, columns: 96, threadRows: 4, threadVectors: 2 },
  { rows: 64, columns: 64, threadRows: 4, threadVectors: 2 },
  { rows: 32, columns: 96, threadRows: 4, threadVectors: 2 },
  { rows: 128, columns: 32, threadRows: 8, threadVectors: 2 },
  { rows: 64, columns: 32, threadRows: 4, threadVectors: 1 },
  { rows: 32, columns: 32, threadRows: 4, threadVectors: 1 },
];

/** Does the tile fit the device? Counts the padding of products, which weight gradients do without. */
function fits(t: TiledTuning, limits: Limits): boolean {
  const [x, y] = tiledThreads(t), bytes = 16 * (t.rows * (t.depth / 4 + 1) + t.depth * t.columns / 4);
  return x * y <= limits.workgroupInvocations && bytes <= limits.workgroupStorage;
}

function candidates({ input, output }: Channels, limits: Limits): TiledTuning[] {
  if (input % 4 !== 0 || output % 4 !== 0) return [];
  return [16, 8].flatMap((depth) => TILES.map((tile): TiledTuning => ({ family: "tiled", depth, ...tile })))
    .filter((tuning) => fits(tuning, limits) && tuning.columns <= 32 * Math.ceil(output / 32));
}

/** Instructions by which a thread finds and masks a vector that it stages (RADV: `npm run isa`). */
const FETCH = 12;

/** On llvmpipe: operations a second for each byte that is read for a multiply-add, and what a step costs beside. */
const CPU_RATE = 1.35e10, CPU_STEP = 100;

function seconds(shape: ProductShape, tuning: TiledTuning, limits: Limits): number {
  const { rows, columns, depth, threadRows, threadVectors } = tuning, perThread = threadRows * 4 * threadVectors;
  const [x, y] = tiledThreads(tuning), staged = depth * (rows + columns) / 4 / (x * y);
  const loop = {
    products: depth * perThread,
    bytes: 4 * depth * (threadRows + 4 * threadVectors),
    others: FETCH * staged,
  };
  const onCpu = CPU_RATE / (loop.bytes / loop.products + CPU_STEP / loop.products);
  const rate = limits.software ? onCpu : gpuRate(shareOfLoop(loop));
  return tileSeconds(shape, { rows, columns, perThread }, rate, limits);
}

export const tiled: Family<TiledTuning, TiledTuning & WeightTuning> = {
  key: "tiled",
  proven: true, // executed by the tests, in software
  product: { candidates, shader: tiledProduct, seconds },
  weight: {
    biasSums: (tuning) => biasSums(gradientTile(tuning)),
    divides: "pixels",
    candidates: (channels, parts, limits) => candidates(channels, limits).map((tuning) => ({ ...tuning, parts })),
    shader: tiledWeight,
    seconds: (shape, tuning, limits) => gradientSeconds(seconds(shape, tuning, limits), limits),
  },
};
