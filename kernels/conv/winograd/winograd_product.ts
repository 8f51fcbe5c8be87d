/**
 * Products of pixels with 3x3 taps and stride 1 by Winograd's minimal filtering (winograd.ts): transform the weights and
 * the input's tiles, multiply the (tile + 2)^2 pairs of matrices, transform back with the epilogue. The pairs are a
 * product of pixels too: a batch of 1x1 ones, each with weights of its own.
 */
import { copySeconds } from "../estimate.ts";
import { epilogueDeclarations } from "../epilogue.ts";
import type { ProductArrays } from "../method.ts";
import { type Axis, everyPixel, type PixelProduct } from "../operands/pixel_product.ts";
import type { ProductShape } from "../estimate.ts";
import { type Limits, scratch, type Shader, type Stages } from "../../kernel.ts";
import { ceilDiv } from "../../wgsl.ts";
import { products, tileCount, type TiledImage, type TileSize } from "./winograd.ts";
import { transformFilter, transformOutput, transformTiles } from "./winograd_transforms.ts";

/** Can Winograd compute it? */
export function isWinogradProduct({ kernel, y, x }: Pick<PixelProduct, "kernel" | "y" | "x">): boolean {
  return kernel === 3 && [y, x].every(({ taps, inStep, outStep }) => taps === 3 && inStep === 1 && outStep === 1);
}

/** Where the tiles lie in input and output, and how many they are. */
function tilesOf(g: PixelProduct, tile: TileSize): { input: TiledImage; output: TiledImage; tiles: number } {
  const tiling = { batch: g.batch, tilesY: ceilDiv(g.y.count, tile), tilesX: ceilDiv(g.x.count, tile) };
  const first = ({ inStart, tapStep }: Axis) => inStart + Math.min(0, 2 * tapStep);
  const input = { ...g.input, ...tiling, top: first(g.y), left: first(g.x) };
  return { input, output: { ...g.output, ...tiling, top: 0, left: 0 }, tiles: tileCount(input) };
}

/** The shape of the pairs of matrices. */
export function pairsOf(g: PixelProduct, tile: TileSize): ProductShape {
  const rows = tilesOf(g, tile).tiles;
  return { count: products(tile), rows, columns: g.output.channels, inner: g.input.channels };
}

/** Seconds of all but the products of the pairs. */
export function transformSeconds(
  { count, rows, columns, inner }: ProductShape,
  tile: TileSize,
  limits: Limits,
): number {
  const each = [2 * rows * inner, rows * columns * (1 + (tile / (tile + 2)) ** 2), 1.25 * inner * columns];
  return each.reduce((sum, elements) => sum + copySeconds(count * elements, limits), 0);
}

/** Scratch: transformed weights, transformed input, products, which `multiply` makes the shader of. */
export function winogradProductStages(
  g: PixelProduct,
  tile: TileSize,
  multiply: (pairs: PixelProduct) => Shader,
  arrays: ProductArrays,
): Stages {
  const { input, output, tiles } = tilesOf(g, tile);
  const inner = g.input.channels, columns = g.output.channels, count = products(tile);
  const filter = { inner, columns, transposed: arrays.transposed, flipped: g.y.tapStep < 0 };
  const pairs: PixelProduct = {
    batch: count,
    input: { height: 1, width: tiles, channels: inner },
    output: { height: 1, width: tiles, channels: columns },
    y: everyPixel(1),
    x: everyPixel(tiles),
    kernel: 1,
    weightsPerImage: true,
    epilogue: {},
  };
  const back = {
    declarations: epilogueDeclarations(g.epilogue, 1, "f32", g.dtype),
    bias: g.epilogue.bias ?? false,
    dtype: g.dtype,
  };
  return {
    scratch: [4 * count * inner * columns, 4 * count * tiles * inner, 4 * count * tiles * columns],
    dispatches: [
      { shader: transformFilter(filter, tile, g.dtype), bindings: [arrays.weights, scratch(0)] },
      { shader: transformTiles(input, tile, "input", g.dtype), bindings: [arrays.input, scratch(1)] },
      { shader: multiply(pairs), bindings: [scratch(1), scratch(0), scratch(2)] },
      { shader: transformOutput(output, tile, back), bindings: [scratch(2), ...arrays.epilogue, arrays.output] },
    ],
  };
}
