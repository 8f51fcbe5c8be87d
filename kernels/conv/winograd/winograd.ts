/**
 * Winograd's minimal filtering F(m x m, 3 x 3) (Lavin and Gray, Fast algorithms for convolutional neural networks,
 * 2015): a tile of m x m outputs of a 3x3 convolution with stride 1 from (m + 2)^2 products instead of 9 m^2,
 *
 *   Y = A' [(G w G') * (B' d B)] A
 *
 * with d the (m + 2)^2 inputs of the tile and * the product by elements; over channels, (m + 2)^2 matrix products. The
 * weight gradient is the adjoint: dw = G' [sum over tiles of (B' d B) * (A dY A')] G. m = 2 saves a factor 2.25, m = 4
 * a factor 4 and rounds worse, since its constants are larger.
 *
 * This file has the constants, the algebra, and where tiles lie; winograd_transforms.ts the shaders.
 */
import { f32 } from "../../wgsl.ts";

/** Outputs per side of a tile. */
export type TileSize = 2 | 4;

type Matrix = readonly (readonly number[])[];

export const transpose = (m: Matrix): Matrix => m[0]!.map((_, column) => m.map((row) => row[column]!));

/** B', G and A' of Lavin and Gray, sections 4.1 and 4.3. */
export const CONSTANTS: Readonly<
  Record<TileSize, { readonly input: Matrix; readonly filter: Matrix; readonly output: Matrix }>
> = {
  2: {
    input: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    filter: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
    output: [[1, 1, 1, 0], [0, 1, -1, -1]],
  },
  4: {
    input: [
      [4, 0, -5, 0, 1, 0],
      [0, -4, -4, 1, 1, 0],
      [0, 4, -4, -1, 1, 0],
      [0, -2, -1, 2, 1, 0],
      [0, 2, -1, -2, 1, 0],
      [0, 4, 0, -5, 0, 1],
    ],
    filter: [
      [1 / 4, 0, 0],
      [-1 / 6, -1 / 6, -1 / 6],
      [-1 / 6, 1 / 6, -1 / 6],
      [1 / 24, 1 / 12, 1 / 6],
      [1 / 24, -1 / 12, 1 / 6],
      [0, 0, 1],
    ],
    output: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
  },
};

/** The transformed tile's element that is the sum of the tile, for A dY A': both points are 1. */
export const sumElement = (tile: TileSize): number => tile + 3;

/** Number of matrix products, (tile + 2)^2. */
export const productCount = (tile: TileSize): number => (tile + 2) ** 2;

/** A linear combination as WGSL, without the terms that are 0. */
function combination(factors: readonly number[], names: readonly string[]): string {
  const terms = factors.map((factor, i) => ({ factor, name: names[i]! })).filter(({ factor }) => factor !== 0);
  return terms.map(({ factor, name }, index) => {
    const sign = factor < 0 ? "-" : index === 0 ? "" : "+", size = Math.abs(factor);
    return `${index === 0 ? sign : `${sign} `}${size === 1 ? name : `${f32(size)} * ${name}`}`;
  }).join(" ");
}

/** `to_i_j` = (L d L')[i][j] for the variables `from_i_j`. */
export function sandwich(left: Matrix, from: string, to: string): string {
  const inner = left[0]!.length, outer = left.length;
  const range = (count: number) => Array.from({ length: count }, (_, i) => i);
  return [
    ...range(outer).flatMap((i) =>
      range(inner).map((j) =>
        `  let half_${to}_${i}_${j} = ${combination(left[i]!, range(inner).map((k) => `${from}_${k}_${j}`))};`
      )
    ),
    ...range(outer).flatMap((i) =>
      range(outer).map((j) =>
        `  let ${to}_${i}_${j} = ${combination(left[j]!, range(inner).map((k) => `half_${to}_${i}_${k}`))};`
      )
    ),
  ].join("\n");
}

/** Where tiles lie in an image: each dimension's size, the first tile's first row or column, and the tiles. */
export interface TiledImage {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Row and column of the first element of the first tile; may be negative. */
  readonly top: number;
  readonly left: number;
  readonly tilesY: number;
  readonly tilesX: number;
}

export const tileCount = ({ batch, tilesY, tilesX }: TiledImage): number => batch * tilesY * tilesX;
