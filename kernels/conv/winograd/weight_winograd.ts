/**
 * The weight gradient of a 3x3 convolution with stride 1 by Winograd's minimal filtering (winograd.ts): transform the
 * tiles of x and of dy, multiply the (tile + 2)^2 pairs of matrices over the tiles, transform back. One element of the
 * transformed dy is the sum of its tile, so the bias gradient sums that. `product` is the tuning of the matrix products,
 * which are weight gradients of a 1x1 convolution; its parts split each product.
 */
import type { ConvProblem } from "../conv_problem.ts";
import { ceilDiv } from "../../wgsl.ts";
import { products, sumElement, tileCount, type TiledImage, type TileSize } from "./winograd.ts";

export interface WeightWinogradTuning<Product> {
  readonly family: "winograd";
  readonly tile: TileSize;
  readonly product: Product;
}

/** Can Winograd compute it? */
export const isWinogradWeight = ({ kernel, stride }: ConvProblem): boolean => kernel === 3 && stride === 1;

/** Where the tiles lie in x and dy, and how many they are. */
export function weightTiles(p: ConvProblem, tile: TileSize): { x: TiledImage; dy: TiledImage; tiles: number } {
  const tiling = { batch: p.batch, tilesY: ceilDiv(p.outHeight, tile), tilesX: ceilDiv(p.outWidth, tile) };
  const x = { ...tiling, height: p.height, width: p.width, channels: p.inChannels, top: -p.padding, left: -p.padding };
  const dy = { ...tiling, height: p.outHeight, width: p.outWidth, channels: p.outChannels, top: 0, left: 0 };
  return { x, dy, tiles: tileCount(x) };
}

/**
 * The products as one weight gradient of a 1x1 convolution: each is one image of `split` rows, so that shares of whole
 * rows belong to one product.
 */
export function productProblem({ inChannels, outChannels }: ConvProblem, tile: TileSize, tiles: number, split: number) {
  const width = tiles / split;
  const image = { batch: products(tile), height: split, width, outHeight: split, outWidth: width };
  return { ...image, inChannels, outChannels, kernel: 1, stride: 1, padding: 0 };
}

/** The rows [first, first + tiles) of the transformed dy that sum up to the bias gradient. */
export const firstSumRow = (tile: TileSize, tiles: number): number => sumElement(tile) * tiles;
