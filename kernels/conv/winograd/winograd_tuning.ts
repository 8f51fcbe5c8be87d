/** What both kinds of product around which Winograd's algorithm is built have in common: which are worth trying. */
import type { ConvTuning } from "../families/family.ts";
import type { Limits } from "../../kernel.ts";
import { productCount, type TileSize } from "./winograd.ts";

export interface WinogradTuning<Product extends ConvTuning> {
  readonly family: "winograd";
  readonly tile: TileSize;
  /** The tuning of the matrix products. */
  readonly product: Product;
}

/** With each tile, this many products that are likely to be fast. */
const PRODUCTS = 3;

/**
 * Most bytes of a transformed array. It lies beside all activations, and with tiles of 2 takes four times what it is made
 * from. A choice, not measured.
 */
const MAX_ARRAY_BYTES = 2 ** 29;

/** For each tile, the best of the products that `sorted` lists, given how many elements of each pair a buffer holds. */
export function winogradTunings<Product extends ConvTuning>(
  { exact, bindingBytes }: Limits,
  sorted: (tile: TileSize, most: number) => readonly Product[],
): WinogradTuning<Product>[] {
  return exact
    ? []
    : ([4, 2] as const).flatMap((tile) =>
      sorted(tile, Math.min(MAX_ARRAY_BYTES, bindingBytes) / 4 / productCount(tile)).slice(0, PRODUCTS)
        .map((product): WinogradTuning<Product> => ({ family: "winograd", tile, product }))
    );
}
