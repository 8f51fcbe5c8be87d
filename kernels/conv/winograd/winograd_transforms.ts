/**
 * The shaders of Winograd's algorithm (winograd.ts) between the operands and their transforms, laid out [(m + 2)^2, tiles
 * or in channels, channels]. One thread makes one tile of one channel, or one pair of channels.
 */
import { enableDtype, type FloatType, loaded, stored, storedType } from "../../dtype.ts";
import type { Rest } from "../shares.ts";
import type { Shader } from "../../kernel.ts";
import { elementwise, unroll } from "../../wgsl.ts";
import { CONSTANTS, sandwich, tileCount, type TiledImage, type TileSize, transpose } from "./winograd.ts";

const grid = (side: number, line: (y: number, x: number) => string) =>
  unroll(side, (y) => unroll(side, (x) => line(y, x)));

/** `c`, `tile`, and the tile's first `row` and `column` in image `n`, from thread `i`. */
const place = ({ channels, tilesY, tilesX, top, left }: TiledImage, step: number) =>
  `  let c = i % ${channels}u;
  let tile = i / ${channels}u;
  let n = i32(tile / ${tilesY * tilesX}u);
  let row = i32(tile / ${tilesX}u % ${tilesY}u) * ${step} + ${top};
  let column = i32(tile % ${tilesX}u) * ${step} + ${left};`;

/**
 * Transforms the tiles of an image: B' d B of the input (`of` "input", (m + 2)^2 elements of which neighbouring tiles
 * share two rows) or A dY A' of the output's gradient (`of` "gradient", m^2). The image is of `dtype`. Outside the image is 0. Bindings: image,
 * transformed [products, tiles, channels].
 */
export function transformTiles(image: TiledImage, tile: TileSize, of: "input" | "gradient", dtype?: FloatType): Shader {
  const { height, width, channels } = image, { input, output } = CONSTANTS[tile];
  const left = of === "input" ? input : transpose(output), side = left[0]!.length, count = tileCount(image);
  const element = (y: number, x: number) =>
    loaded(`image[u32(select(0, at + ${y * width + x}, in_${y}_${x})) * ${channels}u + c]`, "f32", dtype);
  const inside = (axis: string, index: number, size: number) =>
    `${axis} + ${index} >= 0 && ${axis} + ${index} < ${size}`;
  return elementwise(
    count * channels,
    `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> image: array<${storedType("f32", dtype)}>;
@group(0) @binding(1) var<storage, read_write> transformed: array<f32>;`,
    `${place(image, tile)}
  let at = (n * ${height} + row) * ${width} + column;
${unroll(side, (y) => `  let row_${y} = ${inside("row", y, height)};`)}
${unroll(side, (x) => `  let column_${x} = ${inside("column", x, width)};`)}
${
      grid(side, (y, x) =>
        `  let in_${y}_${x} = row_${y} && column_${x};
  let d_${y}_${x} = select(0.0, ${element(y, x)}, in_${y}_${x});`)
    }
${sandwich(left, "d", "v")}
${grid(tile + 2, (y, x) => `  transformed[${(y * (tile + 2) + x) * count * channels}u + i] = v_${y}_${x};`)}`,
  );
}

/**
 * G w G' for each pair of channels (of `dtype`), read as `w[slice, k, c]`, or with `transposed` as `w[slice, c, k]`; `flipped` takes
 * the last slice first. Bindings: w, transformed [products, k, c].
 */
export function transformFilter(
  { inner, columns, transposed, flipped }: { inner: number; columns: number; transposed: boolean; flipped: boolean },
  tile: TileSize,
  dtype?: FloatType,
): Shader {
  const slice = (y: number, x: number) => flipped ? 8 - (3 * y + x) : 3 * y + x;
  return elementwise(
    inner * columns,
    `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> w: array<${storedType("f32", dtype)}>;
@group(0) @binding(1) var<storage, read_write> transformed: array<f32>;`,
    `  let at = ${transposed ? `i % ${columns}u * ${inner}u + i / ${columns}u` : "i"};
${grid(3, (y, x) => `  let w_${y}_${x} = ${loaded(`w[${slice(y, x) * inner * columns}u + at]`, "f32", dtype)};`)}
${sandwich(CONSTANTS[tile].filter, "w", "u")}
${grid(tile + 2, (y, x) => `  transformed[${(y * (tile + 2) + x) * inner * columns}u + i] = u_${y}_${x};`)}`,
  );
}

/**
 * A' M A for each tile of the output image, whose tiles start at 0. `declarations` has the bindings from 1 on, and
 * `finish` (kernels/conv/epilogue.ts), of the same `dtype`. Bindings: products [products, tiles, channels], those of the epilogue, output.
 */
export function transformOutput(
  image: TiledImage,
  tile: TileSize,
  { declarations, bias, dtype }: { declarations: string; bias: boolean; dtype: FloatType | undefined },
): Shader {
  const { height, width, channels } = image, size = tileCount(image) * channels;
  const partial = image.tilesY * tile > height || image.tilesX * tile > width;
  return elementwise(
    size,
    `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> products: array<f32>;
${declarations}`,
    `${place(image, tile)}
  let b = ${bias ? "bias[c]" : "0.0"};
  let at = u32((n * ${height} + row) * ${width} + column) * ${channels}u + c;
${grid(tile + 2, (y, x) => `  let m_${y}_${x} = products[${(y * (tile + 2) + x) * size}u + i];`)}
${sandwich(CONSTANTS[tile].output, "m", "y")}
${
      grid(tile, (y, x) => {
        const to = `at + ${(y * width + x) * channels}u`,
          store = `output[${to}] = ${stored(`finish(y_${y}_${x}, b, ${to})`, "f32", dtype)};`;
        return partial ? `  if (row + ${y} < ${height} && column + ${x} < ${width}) { ${store} }` : `  ${store}`;
      })
    }`,
  );
}

/**
 * G' U G for each pair of channels, where U is the sum of `split` shares, added in order. `rest` is what further
 * threads do. Bindings: shares [products, split, in, out], dw, those of `rest`.
 */
export function transformWeightGradient(
  pairs: number,
  tile: TileSize,
  split: number,
  rest: Rest,
): Shader {
  const share = (element: number, part: number) => `shares[${(element * split + part) * pairs}u + i]`;
  return elementwise(
    pairs + rest.threads,
    `@group(0) @binding(0) var<storage, read> shares: array<f32>;
@group(0) @binding(1) var<storage, read_write> dw: array<f32>;
${rest.declarations}`,
    `${rest.body}
${grid(tile + 2, (y, x) => `  let u_${y}_${x} = ${unroll(split, (part) => share(y * (tile + 2) + x, part), " + ")};`)}
${sandwich(transpose(CONSTANTS[tile].filter), "u", "dw")}
${grid(3, (y, x) => `  dw[${(3 * y + x) * pairs}u + i] = dw_${y}_${x};`)}`,
  );
}
