/** All tunings of the weight gradient that fit a device, the likely fastest first. */
import type { ConvProblem } from "../conv_problem.ts";
import { byEstimate, copySeconds, productSeconds, provenFirst } from "../estimate.ts";
import { BROADCAST_LANES, type ProductTuning, tiledTunings } from "./gather_families.ts";
import { MAX_SCRATCH } from "./gather_tunings.ts";
import type { Limits } from "../../kernel.ts";
import { matrixTunings } from "../matrix/matrix_tile.ts";
import type { WeightProductTuning } from "./weight_families.ts";
import {
  isWinogradWeight,
  productProblem,
  weightTiles,
  type WeightWinogradTuning,
} from "../winograd/weight_winograd.ts";
import { products } from "../winograd/winograd.ts";

export type ConvBackwardWeightTuning = WeightProductTuning | WeightWinogradTuning<WeightProductTuning>;

/** Winograd tunings with each of this many products that are likely to be fast. */
const PRODUCTS = 3;

/** Most bytes of the shares of a weight gradient. */
const MAX_SHARES = 2 ** 27;

/** Every tuning of the shares, split in each of `splits`; equal estimates keep this order. */
function productTunings(p: ConvProblem, splits: readonly number[], limits: Limits): WeightProductTuning[] {
  const { inChannels, outChannels } = p, { subgroupSize } = limits;
  const columns = outChannels % 4 === 0 ? outChannels / 4 : outChannels;
  const lanes = Math.min(32, 2 ** Math.ceil(Math.log2(columns)));
  return splits.flatMap((parts): WeightProductTuning[] => [
    ...(limits.software && subgroupSize === BROADCAST_LANES
      ? [{ family: "broadcast" as const, lanes: subgroupSize, parts, stores: 4 }]
      : []),
    ...tiledTunings(inChannels, outChannels, limits).map((tuning) => ({ ...tuning, parts })),
    ...(p.dtype === "f16"
      ? matrixTunings(inChannels, outChannels, limits).map((tuning) => ({ ...tuning, parts }))
      : []),
    ...[4, 8].filter((rows) => rows === 4 || rows <= inChannels).map((rows) => ({
      family: "direct" as const,
      rows: Math.min(rows, inChannels),
      vectors: 1,
      lanes,
      parts,
    })),
  ]);
}

/** A product's tuning as one of a gathering convolution's, which the estimate knows. */
function asGather(tuning: WeightProductTuning): ProductTuning {
  if (tuning.family === "tiled" || tuning.family === "matrix") return tuning;
  if (tuning.family === "broadcast") return { ...tuning, rows: 4 * tuning.lanes };
  return { ...tuning, groups: 1 };
}

/** Seconds of the shares of a weight gradient and of adding them. */
function shareSeconds(p: ConvProblem, tuning: WeightProductTuning, count: number, limits: Limits): number {
  const rows = p.kernel ** 2 * p.inChannels, columns = p.outChannels, { parts } = tuning;
  const inner = p.batch * p.outHeight * p.outWidth / parts;
  const added = copySeconds(rows * columns * (2 * parts + count), limits);
  return productSeconds({ count: parts, rows, columns, inner }, asGather(tuning), limits) + added;
}

/** Divisors of `tiles` by which the products may be split. */
const SPLITS = [1, 2, 4, 8];

function winogradTunings(p: ConvProblem, limits: Limits): ConvBackwardWeightTuning[] {
  if (limits.exact || !isWinogradWeight(p)) return [];
  return ([4, 2] as const).flatMap((tile) => {
    const { tiles } = weightTiles(p, tile), count = products(tile);
    const { inChannels, outChannels } = p, most = Math.min(MAX_SCRATCH, limits.bindingBytes) / 4 / count;
    if (tiles * Math.max(inChannels, outChannels) > most) return [];
    const splits = SPLITS.filter((split) => tiles % split === 0 && split * inChannels * outChannels <= most)
      .map((split) => split * count);
    const problem = productProblem(p, tile, tiles, 1);
    return byEstimate(productTunings(problem, splits, limits), (tuning) => shareSeconds(problem, tuning, count, limits))
      .slice(0, PRODUCTS).map((product) => ({ family: "winograd" as const, tile, product }));
  });
}

function seconds(p: ConvProblem, tuning: ConvBackwardWeightTuning, limits: Limits): number {
  if (tuning.family !== "winograd") return shareSeconds(p, tuning, 1, limits);
  const { tile, product } = tuning, { tiles } = weightTiles(p, tile), count = products(tile);
  return shareSeconds(productProblem(p, tile, tiles, 1), product, count, limits) +
    copySeconds(2 * count * tiles * p.inChannels, limits) +
    copySeconds(count * tiles * p.outChannels * (1 + (tile / (tile + 2)) ** 2), limits);
}

export function weightTunings(p: ConvProblem, limits: Limits): ConvBackwardWeightTuning[] {
  if (p.dtype === "f16" && !limits.f16) return [];
  const bytes = 4 * p.kernel ** 2 * p.inChannels * p.outChannels;
  const most = Math.min(p.batch * p.outHeight, Math.floor(Math.min(limits.bindingBytes, MAX_SHARES) / bytes));
  const parts = [...new Set([1, 4, 8, 16, 32, 64, 128, 256, 512].map((each) => Math.max(1, Math.min(each, most))))];
  const tunings = [...productTunings(p, parts, limits), ...winogradTunings(p, limits)];
  return provenFirst(byEstimate(tunings, (tuning) => seconds(p, tuning, limits)));
}
