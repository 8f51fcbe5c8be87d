/**
 * The weight gradient of a 3x3 convolution with stride 1 by Winograd's minimal filtering (winograd.ts): transform the
 * tiles of x and of dy, multiply the (tile + 2)^2 pairs of matrices over the tiles, transform back. One element of the
 * transformed dy is the sum of its tile, so the bias gradient sums that. The pairs are the weight gradient of a 1x1
 * convolution, whose shares split each of them.
 */
import type { ConvProblem } from "../conv_problem.ts";
import type { ConvBackwardWeightProblem } from "../method.ts";
import { addBias, biasShares, NO_BIAS, sumRowShares } from "../shares.ts";
import { read, scratch, type Shader, type Stages, write } from "../../kernel.ts";
import { ceilDiv } from "../../wgsl.ts";
import { products, sumElement, tileCount, type TiledImage, type TileSize } from "./winograd.ts";
import { transformTiles, transformWeightGradient } from "./winograd_transforms.ts";

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
 * The pairs as one weight gradient of a 1x1 convolution: each is one image of `split` rows, so that shares of whole rows
 * belong to one pair.
 */
export function weightPairs(p: ConvProblem, tile: TileSize, split = 1): ConvProblem {
  const { inChannels, outChannels } = p, width = weightTiles(p, tile).tiles / split;
  const image = { batch: products(tile), height: split, width, outHeight: split, outWidth: width };
  return { ...image, inChannels, outChannels, kernel: 1, stride: 1, padding: 0 };
}

/** Scratch: transformed x, transformed dy, the `parts` shares of all pairs, which `multiply` makes the shader of. */
export function winogradWeightStages(
  p: ConvBackwardWeightProblem,
  tile: TileSize,
  parts: number,
  multiply: (pairs: ConvProblem) => Shader,
): Stages {
  const { x, dy, tiles } = weightTiles(p, tile), count = products(tile), split = parts / count;
  const pairs = p.inChannels * p.outChannels, biasParts = biasShares(tiles);
  const bias = p.bias ? addBias(pairs, p.outChannels, biasParts) : NO_BIAS;
  const sums = { first: sumElement(tile) * tiles, rows: tiles, columns: p.outChannels };
  return {
    scratch: [
      4 * count * tiles * p.inChannels,
      4 * count * tiles * p.outChannels,
      4 * parts * pairs,
      ...(p.bias ? [4 * biasParts * p.outChannels] : []),
    ],
    dispatches: [
      { shader: transformTiles(x, tile, "input", p.dtype), bindings: [read(0), scratch(0)] },
      { shader: transformTiles(dy, tile, "gradient", p.dtype), bindings: [read(1), scratch(1)] },
      { shader: multiply(weightPairs(p, tile, split)), bindings: [scratch(0), scratch(1), scratch(2)] },
      ...(p.bias ? [{ shader: sumRowShares(sums, biasParts), bindings: [scratch(1), scratch(3)] }] : []),
      {
        shader: transformWeightGradient(pairs, tile, split, bias),
        bindings: [scratch(2), write(0), ...(p.bias ? [scratch(3), write(1)] : [])],
      },
    ],
  };
}
