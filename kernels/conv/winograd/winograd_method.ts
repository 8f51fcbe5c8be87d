/** Convolutions of 3x3 with stride 1 by Winograd's minimal filtering (winograd.ts) around the products of any family. */
import type { ConvProblem } from "../conv_problem.ts";
import { byEstimate, copySeconds } from "../estimate.ts";
import { type ConvTuning, type Family, recordOf, type WeightTuning } from "../families/family.ts";
import type { Method } from "../method.ts";
import { shareSeconds, weightCandidates } from "../plain_method.ts";
import type { Limits } from "../../kernel.ts";
import { products, type TileSize } from "./winograd.ts";
import { isWinogradProduct, pairsOf, transformSeconds, winogradProductStages } from "./winograd_product.ts";
import { isWinogradWeight, weightPairs, weightTiles, winogradWeightStages } from "./winograd_weight.ts";

interface WinogradTuning<Product extends ConvTuning> {
  readonly family: "winograd";
  readonly tile: TileSize;
  /** The tuning of the matrix products. */
  readonly product: Product;
}

const TILES: readonly TileSize[] = [4, 2];

/** With each tile, this many products that are likely to be fast. */
const PRODUCTS = 3;

/** Divisors of the tiles by which the products of a weight gradient may be split. */
const SPLITS = [1, 2, 4, 8];

/** Elements that a scratch buffer may hold of each product. */
const mostOf = (tile: TileSize, { bindingBytes }: Limits) => Math.min(2 ** 29, bindingBytes) / 4 / products(tile);

export function winogradMethod(
  families: readonly Family[],
): Method<WinogradTuning<ConvTuning>, WinogradTuning<WeightTuning>> {
  const tuned = <Product extends ConvTuning>(
    tile: TileSize,
    products: readonly Product[],
    seconds: (product: Product, family: Family) => number,
  ) =>
    byEstimate(products, (product) => seconds(product, recordOf(families, product))).slice(0, PRODUCTS)
      .map((product): WinogradTuning<Product> => ({ family: "winograd", tile, product }));
  const pairSeconds = (p: ConvProblem, tile: TileSize, product: WeightTuning, family: Family, limits: Limits) =>
    shareSeconds(family, weightPairs(p, tile), product, products(tile), limits);
  return {
    key: "winograd",
    proven: true,
    product: {
      candidates(g, limits) {
        if (limits.exact || !isWinogradProduct(g)) return [];
        return TILES.flatMap((tile) => {
          const shape = pairsOf(g, tile), { rows, columns, inner } = shape;
          if (Math.max(rows * inner, rows * columns, inner * columns) > mostOf(tile, limits)) return [];
          const channels = { input: inner, output: columns, dtype: "f32" } as const;
          const all = families.flatMap(({ product }) => product.candidates(channels, limits));
          return tuned(tile, all, (each, { product }) => product.seconds(shape, each, limits));
        });
      },
      stages: ([g], { tile, product }, arrays) =>
        winogradProductStages(g!, tile, (pairs) => recordOf(families, product).product.shader(pairs, product), arrays),
      seconds(g, { tile, product }, limits) {
        const shape = pairsOf(g, tile);
        return recordOf(families, product).product.seconds(shape, product, limits) +
          transformSeconds(shape, tile, limits);
      },
    },
    weight: {
      candidates(p, _splits, limits) {
        if (limits.exact || !isWinogradWeight(p)) return [];
        return TILES.flatMap((tile) => {
          const { tiles } = weightTiles(p, tile), { inChannels, outChannels } = p, most = mostOf(tile, limits);
          if (tiles * Math.max(inChannels, outChannels) > most) return [];
          const splits = SPLITS.filter((split) => tiles % split === 0 && split * inChannels * outChannels <= most)
            .map((split) => split * products(tile));
          const all = families.flatMap((family) => weightCandidates(family, weightPairs(p, tile), splits, limits));
          return tuned(tile, all, (each, family) => pairSeconds(p, tile, each, family, limits));
        });
      },
      stages: (p, { tile, product }) =>
        winogradWeightStages(
          p,
          tile,
          product.parts,
          (pairs) => recordOf(families, product).weight.shader(pairs, product, false),
        ),
      seconds(p, { tile, product }, limits) {
        const { tiles } = weightTiles(p, tile), count = products(tile);
        return pairSeconds(p, tile, product, recordOf(families, product), limits) +
          copySeconds(2 * count * tiles * p.inChannels, limits) +
          copySeconds(count * tiles * p.outChannels * (1 + (tile / (tile + 2)) ** 2), limits);
      },
    },
  };
}
