/**
 * Every value is loaded once per subgroup and handed to the other lanes by `subgroupBroadcast`, without workgroup memory
 * or barriers. Made for adapters that run on a CPU, where one load costs as much as dozens of multiplications; on a GPU a
 * candidate like the others. A workgroup is one subgroup of `lanes` threads; lane s owns the columns 4s ... 4s+3 of each
 * row. `stores` is the number of store sites: more of them store faster, fewer compile faster, since each is dozens of
 * basic blocks on llvmpipe.
 */
import { gpuRate, type ProductShape, tileSeconds } from "../../estimate.ts";
import type { Family } from "../family.ts";
import { broadcastProduct } from "./broadcast_product.ts";
import { broadcastWeight, UNITS } from "./broadcast_weight.ts";
import type { BroadcastTuning, BroadcastWeightTuning } from "./lane_columns.ts";
import type { Limits } from "../../../kernel.ts";
import { subgroupsOf } from "../../../subgroups.ts";

function seconds(shape: ProductShape, rows: number, lanes: number, limits: Limits): number {
  const perThread = 4 * rows;
  // 64 rows are a little faster, but take three times as long to compile: no choice without measuring.
  const onCpu = perThread === 128 ? 3.3e10 : perThread > 128 ? 3.2e10 : 2.5e10;
  const rate = limits.software ? onCpu : gpuRate(0.05);
  return tileSeconds(shape, { rows, columns: 4 * lanes, perThread }, rate, limits);
}

/** The smallest subgroups of llvmpipe. SwiftShader's, of four, take minutes to compile (Chromium 156). */
const LANES = 8;

const subgroups = (limits: Limits) => subgroupsOf(limits).filter(({ lanes }) => lanes >= LANES);

/** Rows of a product. On a GPU more of them would not fit into registers. */
const ROWS = { software: [32, 16, 64], gpu: [32, 16] };

export const broadcast: Family<BroadcastTuning, BroadcastWeightTuning> = {
  key: "broadcast",
  proven: true,
  product: {
    candidates: (_channels, limits) =>
      ROWS[limits.software ? "software" : "gpu"].flatMap((rows) =>
        subgroups(limits).map((each) => ({ family: "broadcast", rows, ...each, stores: 4 }))
      ),
    shader: broadcastProduct,
    seconds: (shape, { rows, lanes }, limits) => seconds(shape, rows, lanes, limits),
  },
  weight: {
    biasSums: () => 1,
    divides: "pixels",
    candidates: (_channels, parts, limits) =>
      subgroups(limits).map((each) => ({ family: "broadcast", ...each, parts, stores: 4 })),
    shader: broadcastWeight,
    seconds: (shape, { lanes }, limits) => seconds(shape, 4 * UNITS, lanes, limits),
  },
};
