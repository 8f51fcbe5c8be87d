/**
 * A gathering convolution of 3x3 taps and stride 1 by Winograd's minimal filtering (winograd.ts): transform the
 * weights and the input's tiles, multiply the (tile + 2)^2 pairs of matrices, transform back with the epilogue.
 * `product` is the tuning of the matrix products, which are a gathering convolution too.
 */
import { epilogueDeclarations } from "../epilogue.ts";
import type { Axis, GatherConv } from "../operands/gather_conv.ts";
import { productShader, type ProductTuning } from "../families/gather_families.ts";
import { type Binding, scratch, type Stages } from "../../kernel.ts";
import { ceilDiv } from "../../wgsl.ts";
import { products, tileCount, type TiledImage, type TileSize } from "./winograd.ts";
import { transformFilter, transformOutput, transformTiles } from "./winograd_transforms.ts";

export interface GatherWinogradTuning {
  readonly family: "winograd";
  readonly tile: TileSize;
  readonly product: ProductTuning;
}

/** Where the operands are bound; `transposed` weights are [slice, out, in]. */
export interface GatherBindings {
  readonly input: Binding;
  readonly weights: Binding;
  readonly transposed: boolean;
  readonly epilogue: readonly Binding[];
  readonly output: Binding;
}

/** Can Winograd compute it? */
export function isWinograd({ kernel, y, x }: Pick<GatherConv, "kernel" | "y" | "x">): boolean {
  return kernel === 3 && [y, x].every(({ taps, inStep, outStep }) => taps === 3 && inStep === 1 && outStep === 1);
}

/** `count` pixels in a row, each of which is its own input. */
export const everyPixel = (count: number): Axis => ({
  count,
  outStart: 0,
  outStep: 1,
  inStart: 0,
  inStep: 1,
  tapStep: 1,
  taps: 1,
  sliceStart: 0,
  sliceStep: 1,
});

/** Where the tiles lie in input and output, and how many they are. */
export function winogradShape(g: GatherConv, tile: TileSize): { input: TiledImage; output: TiledImage; tiles: number } {
  const tiling = { batch: g.batch, tilesY: ceilDiv(g.y.count, tile), tilesX: ceilDiv(g.x.count, tile) };
  const first = ({ inStart, tapStep }: Axis) => inStart + Math.min(0, 2 * tapStep);
  const input = { ...g.input, ...tiling, top: first(g.y), left: first(g.x) };
  return { input, output: { ...g.output, ...tiling, top: 0, left: 0 }, tiles: tileCount(input) };
}

/** Scratch: transformed weights, transformed input, products. */
export function gatherWinogradStages(
  g: GatherConv,
  { tile, product }: GatherWinogradTuning,
  slots: GatherBindings,
): Stages {
  const { input, output, tiles } = winogradShape(g, tile);
  const inner = g.input.channels, columns = g.output.channels, count = products(tile);
  const filter = { inner, columns, transposed: slots.transposed, flipped: g.y.tapStep < 0 };
  const batchOfProducts: GatherConv = {
    batch: count,
    input: { height: 1, width: tiles, channels: inner },
    output: { height: 1, width: tiles, channels: columns },
    y: everyPixel(1),
    x: everyPixel(tiles),
    kernel: 1,
    weightsPerImage: true,
    epilogue: {},
  };
  const epilogue = epilogueDeclarations(g.epilogue, 1, "f32", g.dtype);
  return {
    scratch: [4 * count * inner * columns, 4 * count * tiles * inner, 4 * count * tiles * columns],
    dispatches: [
      { shader: transformFilter(filter, tile, g.dtype), bindings: [slots.weights, scratch(0)] },
      { shader: transformTiles(input, tile, "input", g.dtype), bindings: [slots.input, scratch(1)] },
      { shader: productShader(batchOfProducts, product), bindings: [scratch(1), scratch(0), scratch(2)] },
      {
        shader: transformOutput(output, tile, {
          declarations: epilogue,
          bias: g.epilogue.bias ?? false,
          dtype: g.dtype,
        }),
        bindings: [scratch(2), ...slots.epilogue, slots.output],
      },
    ],
  };
}
