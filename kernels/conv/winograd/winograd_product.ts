/**
 * Products of pixels with 3x3 taps and stride 1 by Winograd's minimal filtering (winograd.ts): transform the weights and
 * the input's tiles, multiply the (tile + 2)^2 pairs of matrices, transform back with the epilogue. The pairs are a
 * product of pixels too: a batch of 1x1 ones, each with weights of its own.
 */
import { byEstimate, copySeconds } from "../estimate.ts";
import { type ConvTuning, type Family, recordOf } from "../families/family.ts";
import type { Method } from "../method.ts";
import { type Axis, everyPixel, type PixelProduct } from "../operands/pixel_product.ts";
import { scratch } from "../../kernel.ts";
import { ceilDiv } from "../../wgsl.ts";
import { productCount, tileCount, type TiledImage, type TileSize } from "./winograd.ts";
import { transformFilter, transformOutput, transformTiles } from "./winograd_transforms.ts";
import { type WinogradTuning, winogradTunings } from "./winograd_tuning.ts";

/** Can Winograd compute it? */
export function isWinogradProduct({ kernel, y, x }: Pick<PixelProduct, "kernel" | "y" | "x">): boolean {
  return kernel === 3 && [y, x].every(({ taps, inStep, outStep }) => taps === 3 && inStep === 1 && outStep === 1);
}

/** Where the tiles lie in input and output, and the shape of the pairs, whose rows are tiles. */
function tilingOf(g: PixelProduct, tile: TileSize) {
  const tiling = { batch: g.batch, tilesY: ceilDiv(g.y.count, tile), tilesX: ceilDiv(g.x.count, tile) };
  const first = ({ inStart, tapStep }: Axis) => inStart + Math.min(0, 2 * tapStep);
  const input: TiledImage = { ...g.input, ...tiling, top: first(g.y), left: first(g.x) };
  const output: TiledImage = { ...g.output, ...tiling, top: 0, left: 0 };
  const channels = { columns: output.channels, inner: input.channels };
  return { input, output, shape: { count: productCount(tile), rows: tileCount(input), ...channels } };
}

export const winogradProduct = (families: readonly Family[]): Method<WinogradTuning<ConvTuning>>["product"] => ({
  candidates: (g, limits) =>
    !isWinogradProduct(g) ? [] : winogradTunings(limits, (tile, most) => {
      const { shape } = tilingOf(g, tile), { rows, columns, inner } = shape;
      if (Math.max(rows * inner, rows * columns, inner * columns) > most) return [];
      const channels = { input: inner, output: columns, dtype: "f32" } as const;
      const all = families.flatMap(({ product }) => product.candidates(channels, limits));
      return byEstimate(all, (tuning) => recordOf(families, tuning).product.seconds(shape, tuning, limits));
    }),
  stages([g], { tile, product }, arrays) {
    const { input, output, shape: { count, rows, columns, inner } } = tilingOf(g!, tile), { dtype, epilogue } = g!;
    const filter = { inner, columns, transposed: arrays.transposed, flipped: g!.y.tapStep < 0 };
    const pairs: PixelProduct = {
      batch: count,
      input: { height: 1, width: rows, channels: inner },
      output: { height: 1, width: rows, channels: columns },
      y: everyPixel(1),
      x: everyPixel(rows),
      kernel: 1,
      weightsPerImage: true,
      epilogue: {},
    };
    const multiply = recordOf(families, product).product.shader(pairs, product);
    return {
      scratch: [4 * count * inner * columns, 4 * count * rows * inner, 4 * count * rows * columns],
      dispatches: [
        { shader: transformFilter(filter, tile, dtype), bindings: [arrays.weights, scratch(0)] },
        { shader: transformTiles(input, tile, "input", dtype), bindings: [arrays.input, scratch(1)] },
        { shader: multiply, bindings: [scratch(1), scratch(0), scratch(2)] },
        {
          shader: transformOutput(output, tile, epilogue, dtype),
          bindings: [scratch(2), ...arrays.epilogue, arrays.output],
        },
      ],
    };
  },
  seconds(g, { tile, product }, limits) {
    const { shape } = tilingOf(g, tile), { count, rows, columns, inner } = shape;
    const copied = [2 * rows * inner, rows * columns * (1 + (tile / (tile + 2)) ** 2), 1.25 * inner * columns];
    return recordOf(families, product).product.seconds(shape, product, limits) +
      copied.reduce((sum, elements) => sum + copySeconds(count * elements, limits), 0);
  },
});
