/** The families of gathering convolutions (gather_conv.ts), and which tunings of them fit a device. */
import { type BroadcastTuning, gatherBroadcastShader } from "./gather_broadcast.ts";
import type { GatherConv } from "../operands/gather_conv.ts";
import { type DirectTuning, gatherDirectShader } from "./gather_direct.ts";
import { gatherMatrixShader } from "./gather_matrix.ts";
import { gatherTiledShader, tiledFits, type TiledTuning } from "./gather_tiled.ts";
import type { Limits, Shader } from "../../kernel.ts";
import type { MatrixTuning } from "../matrix/matrix_tile.ts";

/** A tuning of one shader that computes the whole convolution, or a batch of matrix products. */
export type ProductTuning = DirectTuning | TiledTuning | BroadcastTuning | MatrixTuning;

/** The subgroups of llvmpipe. SwiftShader's, of four, take minutes to compile in the broadcast shaders (Chromium 156). */
export const BROADCAST_LANES = 8;

/** Rows of the broadcast shaders. On a GPU more of them would not fit into registers. */
const BROADCAST_ROWS = { software: [32, 16, 64], gpu: [32, 16] };

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

/** The tiles through workgroup memory that fit a device, for channels in fours. */
export function tiledTunings(inner: number, columns: number, limits: Limits): TiledTuning[] {
  if (inner % 4 !== 0 || columns % 4 !== 0) return [];
  return [16, 8].flatMap((depth) => TILES.map((tile): TiledTuning => ({ family: "tiled", depth, ...tile })))
    .filter((tuning) => tiledFits(tuning, limits) && tuning.columns <= 32 * Math.ceil(columns / 32));
}

/** Every tuning of one shader, for `inner` input channels and `channels` output channels; equal estimates keep this order. */
export function productTunings(inner: number, channels: number, limits: Limits): ProductTuning[] {
  const { software, subgroupSize, workgroupInvocations } = limits;
  const columns = channels % 4 === 0 ? channels / 4 : channels;
  const lanes = Math.min(8, 2 ** Math.ceil(Math.log2(columns)));
  const broadcast = (rows: number): BroadcastTuning => ({
    family: "broadcast",
    rows,
    lanes: subgroupSize ?? 0,
    stores: 4,
  });
  // SwiftShader, with its subgroups of four, compiles 4 rows in 0.1 s, 6 in 0.4 s and 8 in 49 s (Chromium 156, two busy
  // cores).
  const swiftShader = software && subgroupSize !== null && subgroupSize < BROADCAST_LANES;
  const direct = (swiftShader ? [[4, 1], [4, 2]] : [[4, 1], [4, 2], [8, 1]]).map(([rows, vectors]): DirectTuning => ({
    family: "direct",
    rows: rows!,
    vectors: vectors!,
    lanes,
    groups: 64 / lanes,
  }));
  return [
    ...(subgroupSize !== null && subgroupSize >= BROADCAST_LANES
      ? BROADCAST_ROWS[software ? "software" : "gpu"].filter((rows) => rows % subgroupSize === 0).map(broadcast)
      : []),
    ...tiledTunings(inner, channels, limits),
    ...direct.filter((tuning) => tuning.lanes * tuning.groups <= workgroupInvocations),
  ];
}

/** One thread per four pixels and one vector of channels: the plainest shader, for any channels and device. */
export const PLAIN: DirectTuning = { family: "direct", rows: 4, vectors: 1, lanes: 8, groups: 8 };

/** Bindings: input, weights [slices, in, out], those of the epilogue, output. */
export function productShader(problem: GatherConv, tuning: ProductTuning): Shader {
  if (tuning.family === "direct") return gatherDirectShader(problem, tuning);
  if (tuning.family === "tiled") return gatherTiledShader(problem, tuning);
  if (tuning.family === "broadcast") return gatherBroadcastShader(problem, tuning);
  if (tuning.family === "matrix") return gatherMatrixShader(problem, tuning);
  return tuning satisfies never;
}
