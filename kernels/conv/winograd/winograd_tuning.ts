/** What both kinds of product around which Winograd's algorithm is built have in common: which are worth trying. */
import { byEstimate } from "../estimate.ts";
import type { ConvTuning } from "../families/family.ts";
import type { Limits } from "../../kernel.ts";
import { products, type TileSize } from "./winograd.ts";

export interface WinogradTuning<Product extends ConvTuning> {
  readonly family: "winograd";
  readonly tile: TileSize;
  /** The tuning of the matrix products. */
  readonly product: Product;
}

/** With each tile, this many products that are likely to be fast. */
const PRODUCTS = 3;

/** For each tile, the best of the products that `of` lists, where a scratch buffer holds `most` elements of each pair. */
export function winogradTunings<Product extends ConvTuning>(
  { exact, bindingBytes }: Limits,
  of: (tile: TileSize, most: number) => readonly Product[],
  seconds: (tile: TileSize, product: Product) => number,
): WinogradTuning<Product>[] {
  return exact
    ? []
    : ([4, 2] as const).flatMap((tile) =>
      byEstimate(of(tile, Math.min(2 ** 29, bindingBytes) / 4 / products(tile)), (product) => seconds(tile, product))
        .slice(0, PRODUCTS).map((product): WinogradTuning<Product> => ({ family: "winograd", tile, product }))
    );
}
