/**
 * The weight gradient of a 3x3 convolution with stride 1 by Winograd's minimal filtering (winograd.ts): transform the
 * tiles of x and of dy, multiply the (tile + 2)^2 pairs of matrices over the tiles, transform back. One element of the
 * transformed dy is the sum of its tile, so the bias gradient sums that. The pairs are the weight gradient of a 1x1
 * convolution, whose shares split each of them.
 */
import type { ConvProblem } from "../conv_problem.ts";
import { byEstimate, copySeconds } from "../estimate.ts";
import { type ConvTuning, type Family, recordOf, type WeightTuning } from "../families/family.ts";
import type { Method } from "../method.ts";
import { shareSeconds, weightCandidates } from "../plain_method.ts";
import { addBias, biasShares, MOST_TERMS, NO_BIAS, sumRowShares } from "../shares.ts";
import { read, scratch, write } from "../../kernel.ts";
import { axesOf } from "../../per_axis.ts";
import { ceilDiv } from "../../wgsl.ts";
import { productCount, sumElement, tileCount, type TileSize } from "./winograd.ts";
import { transformTiles, transformWeightGradient } from "./winograd_transforms.ts";
import { type WinogradTuning, winogradTunings } from "./winograd_tuning.ts";

/** How many numbers of shares are offered: few, since the (tile + 2)^2 products keep a GPU busy as well. */
const CHOICES = 4;

/** Shares of each product, powers of two that divide the tiles: the smallest that lose no digits, or the most there are. */
function splitsOf(tiles: number): number[] {
  const dividing = Array.from({ length: 16 }, (_, power) => 2 ** power).filter((split) => tiles % split === 0);
  const precise = dividing.filter((split) => tiles / split <= MOST_TERMS);
  return precise.length > 0 ? precise.slice(0, CHOICES) : dividing.slice(-1);
}

/** Where the tiles lie in x and dy, and how many they are. */
function tilingOf(p: ConvProblem, tile: TileSize) {
  const tiling = { batch: p.batch, tilesY: ceilDiv(p.outHeight, tile), tilesX: ceilDiv(p.outWidth, tile) };
  const [top, left] = axesOf(p.padding), image = { height: p.height, width: p.width, channels: p.inChannels };
  const x = { ...tiling, ...image, top: -top, left: -left };
  const dy = { ...tiling, height: p.outHeight, width: p.outWidth, channels: p.outChannels, top: 0, left: 0 };
  return { x, dy, tiles: tileCount(x), count: productCount(tile) };
}

/**
 * The pairs as one weight gradient of a 1x1 convolution: each is one image of `split` rows, so that shares of whole rows
 * belong to one pair.
 */
function pairsOf(p: ConvProblem, tile: TileSize, split = 1): ConvProblem {
  const { tiles, count } = tilingOf(p, tile), { inChannels, outChannels } = p, width = tiles / split;
  const image = { batch: count, height: split, width, outHeight: split, outWidth: width };
  return { ...image, inChannels, outChannels, kernel: 1, stride: 1, padding: 0 };
}

type WinogradWeight = Method<ConvTuning, WinogradTuning<WeightTuning>>["weight"];

export const winogradWeight = (families: readonly Family[]): WinogradWeight => ({
  candidates: (p, _splits, limits) =>
    p.kernel !== 3 || p.stride !== 1 ? [] : winogradTunings(limits, (tile, most) => {
      const { tiles, count } = tilingOf(p, tile), { inChannels, outChannels } = p, pairs = pairsOf(p, tile);
      if (tiles * Math.max(inChannels, outChannels) > most) return [];
      const splits = splitsOf(tiles).filter((split) => split * inChannels * outChannels <= most)
        .map((split) => split * count);
      const all = families.flatMap((family) => weightCandidates(family, pairs, splits, limits));
      return byEstimate(all, (tuning) => shareSeconds(recordOf(families, tuning), pairs, tuning, count, limits));
    }),
  stages(p, { tile, product }) {
    const { x, dy, tiles, count } = tilingOf(p, tile), split = product.parts / count;
    const pairs = p.inChannels * p.outChannels, biasParts = biasShares(tiles);
    const bias = p.bias ? addBias(pairs, p.outChannels, biasParts) : NO_BIAS;
    const sums = { first: sumElement(tile) * tiles, rows: tiles, columns: p.outChannels };
    const multiply = recordOf(families, product).weight.shader(pairsOf(p, tile, split), product, false);
    return {
      scratch: [
        4 * count * tiles * p.inChannels,
        4 * count * tiles * p.outChannels,
        4 * product.parts * pairs,
        ...(p.bias ? [4 * biasParts * p.outChannels] : []),
      ],
      dispatches: [
        { shader: transformTiles(x, tile, "input", p.dtype), bindings: [read(0), scratch(0)] },
        { shader: transformTiles(dy, tile, "gradient", p.dtype), bindings: [read(1), scratch(1)] },
        { shader: multiply, bindings: [scratch(0), scratch(1), scratch(2)] },
        ...(p.bias ? [{ shader: sumRowShares(sums, biasParts), bindings: [scratch(1), scratch(3)] }] : []),
        {
          shader: transformWeightGradient(pairs, tile, split, bias),
          bindings: [scratch(2), write(0), ...(p.bias ? [scratch(3), write(1)] : [])],
        },
      ],
    };
  },
  seconds(p, { tile, product }, limits) {
    const { tiles, count } = tilingOf(p, tile);
    return shareSeconds(recordOf(families, product), pairsOf(p, tile), product, count, limits) +
      copySeconds(2 * count * tiles * p.inChannels, limits) +
      copySeconds(count * tiles * p.outChannels * (1 + (tile / (tile + 2)) ** 2), limits);
  },
});
