/** All tunings of a gathering convolution, and the stages of each: one shader, or Winograd's four. */
import { byEstimate, copySeconds, productSeconds, type ProductShape, provenFirst } from "../estimate.ts";
import type { GatherConv } from "../operands/gather_conv.ts";
import { type ProductTuning, productTunings } from "./gather_families.ts";
import { type GatherWinogradTuning, isWinograd, winogradShape } from "../winograd/gather_winograd.ts";
import type { Limits } from "../../kernel.ts";
import { matrixTunings } from "../matrix/matrix_tile.ts";
import { products, type TileSize } from "../winograd/winograd.ts";

export type GatherTuning = ProductTuning | GatherWinogradTuning;

/** Most bytes of one scratch buffer that a tuning may ask for. */
export const MAX_SCRATCH = 2 ** 29;

/** Winograd tunings with each of this many products that are likely to be fast. */
const PRODUCTS = 3;

function productShape(g: GatherConv): ProductShape {
  const rows = g.batch * g.y.count * g.x.count, inner = g.y.taps * g.x.taps * g.input.channels;
  return { count: 1, rows, columns: g.output.channels, inner };
}

function winogradTunings(g: GatherConv, limits: Limits): GatherWinogradTuning[] {
  if (limits.exact || !isWinograd(g)) return [];
  const { input: { channels: inner }, output: { channels: columns } } = g;
  return ([4, 2] as const).flatMap((tile: TileSize) => {
    const tiles = winogradShape(g, tile).tiles;
    const bytes = 4 * products(tile) * Math.max(tiles * inner, tiles * columns, inner * columns);
    if (bytes > Math.min(MAX_SCRATCH, limits.bindingBytes)) return [];
    const shape = { count: products(tile), rows: tiles, columns, inner };
    return byEstimate(productTunings(inner, columns, limits), (tuning) => productSeconds(shape, tuning, limits))
      .slice(0, PRODUCTS).map((product): GatherWinogradTuning => ({ family: "winograd", tile, product }));
  });
}

function seconds(g: GatherConv, tuning: GatherTuning, limits: Limits): number {
  if (tuning.family !== "winograd") return productSeconds(productShape(g), tuning, limits);
  const { tile, product } = tuning, { tiles } = winogradShape(g, tile), count = products(tile);
  const { input: { channels: inner }, output: { channels: columns } } = g;
  const transforms = [2 * tiles * inner, tiles * columns * (1 + (tile / (tile + 2)) ** 2), 1.25 * inner * columns];
  return productSeconds({ count, rows: tiles, columns, inner }, product, limits) +
    transforms.reduce((sum, elements) => sum + copySeconds(count * elements, limits), 0);
}

/** Tunings that compute every one of `gathers`, which have the same channels; the likely fastest first. */
export function gatherTunings(gathers: readonly GatherConv[], limits: Limits): GatherTuning[] {
  const [first] = gathers;
  if (first === undefined || (first.dtype === "f16" && !limits.f16)) return [];
  const winograd = gathers.length === 1 ? winogradTunings(first, limits) : [];
  const { input: { channels: inner }, output: { channels: columns }, dtype } = first;
  const matrix = dtype === "f16" ? matrixTunings(inner, columns, limits) : [];
  const tunings = [...productTunings(inner, columns, limits), ...matrix, ...winograd];
  return provenFirst(
    byEstimate(tunings, (tuning) => gathers.reduce((sum, g) => sum + seconds(g, tuning, limits), 0)),
  );
}
