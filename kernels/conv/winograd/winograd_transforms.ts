/**
 * The shaders of Winograd's algorithm (winograd.ts) between the operands and their transforms, laid out [(m + 2)^2, tiles
 * or in channels, channels]. One thread makes one tile of one channel, or one pair of channels.
 */
import { enableDtype, type FloatType, stored } from "../../dtype.ts";
import { type Epilogue, epilogueDeclarations } from "../epilogue.ts";
import { operand } from "../operands/operand.ts";
import { type Rest, SHARES } from "../shares.ts";
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

const TRANSFORMED = "@group(0) @binding(1) var<storage, read_write> transformed: array<f32>;";

/**
 * Transforms the tiles of an image: B' d B of the input (`of` "input", (m + 2)^2 elements of which neighbouring tiles
 * share two rows) or A dY A' of the output's gradient (`of` "gradient", m^2). Outside the image is 0. Bindings: image, of
 * `dtype`, transformed [products, tiles, channels].
 */
export function transformTiles(image: TiledImage, tile: TileSize, of: "input" | "gradient", dtype?: FloatType): Shader {
  const { height, width, channels } = image, { input, output } = CONSTANTS[tile];
  const left = of === "input" ? input : transpose(output), side = left[0]!.length, count = tileCount(image);
  const { declaration, load } = operand(0, "image", "f32", dtype);
  const element = (y: number, x: number) =>
    load(`u32(select(0, at + ${y * width + x}, in_${y}_${x})) * ${channels}u + c`);
  const inside = (axis: string, index: number, size: number) =>
    `${axis} + ${index} >= 0 && ${axis} + ${index} < ${size}`;
  const body = `${place(image, tile)}
  let at = (n * ${height} + row) * ${width} + column;
${unroll(side, (y) => `  let row_${y} = ${inside("row", y, height)};`)}
${unroll(side, (x) => `  let column_${x} = ${inside("column", x, width)};`)}
${
    grid(side, (y, x) =>
      `  let in_${y}_${x} = row_${y} && column_${x};
  let d_${y}_${x} = select(0.0, ${element(y, x)}, in_${y}_${x});`)
  }
${sandwich(left, "d", "v")}
${grid(tile + 2, (y, x) => `  transformed[${(y * (tile + 2) + x) * count * channels}u + i] = v_${y}_${x};`)}`;
  return elementwise(count * channels, `${enableDtype(dtype)}${declaration}\n${TRANSFORMED}`, body);
}

/**
 * G w G' for each pair of channels, read as `w[slice, k, c]`, or with `transposed` as `w[slice, c, k]`; `flipped` takes
 * the last slice first. Bindings: w, of `dtype`, transformed [products, k, c].
 */
export function transformFilter(
  { inner, columns, transposed, flipped }: { inner: number; columns: number; transposed: boolean; flipped: boolean },
  tile: TileSize,
  dtype?: FloatType,
): Shader {
  const slice = (y: number, x: number) => flipped ? 8 - (3 * y + x) : 3 * y + x;
  const { declaration, load } = operand(0, "w", "f32", dtype);
  const body = `  let at = ${transposed ? `i % ${columns}u * ${inner}u + i / ${columns}u` : "i"};
${grid(3, (y, x) => `  let w_${y}_${x} = ${load(`${slice(y, x) * inner * columns}u + at`)};`)}
${sandwich(CONSTANTS[tile].filter, "w", "u")}
${grid(tile + 2, (y, x) => `  transformed[${(y * (tile + 2) + x) * inner * columns}u + i] = u_${y}_${x};`)}`;
  return elementwise(inner * columns, `${enableDtype(dtype)}${declaration}\n${TRANSFORMED}`, body);
}

/**
 * A' M A for each tile of the output image, whose tiles start at 0, then the epilogue. Bindings: products [products,
 * tiles, channels], those of the epilogue, output, of `dtype`.
 */
export function transformOutput(image: TiledImage, tile: TileSize, epilogue: Epilogue, dtype?: FloatType): Shader {
  const { height, width, channels } = image, size = tileCount(image) * channels;
  const partial = image.tilesY * tile > height || image.tilesX * tile > width;
  const store = (y: number, x: number) => {
    const to = `at + ${(y * width + x) * channels}u`;
    const line = `output[${to}] = ${stored(`finish(y_${y}_${x}, b, ${to})`, "f32", dtype)};`;
    return partial ? `  if (row + ${y} < ${height} && column + ${x} < ${width}) { ${line} }` : `  ${line}`;
  };
  const arrays = `${operand(0, "products", "f32").declaration}\n${epilogueDeclarations(epilogue, 1, "f32", dtype)}`;
  const body = `${place(image, tile)}
  let b = ${epilogue.bias ? "bias[c]" : "0.0"};
  let at = u32((n * ${height} + row) * ${width} + column) * ${channels}u + c;
${grid(tile + 2, (y, x) => `  let m_${y}_${x} = products[${(y * (tile + 2) + x) * size}u + i];`)}
${sandwich(CONSTANTS[tile].output, "m", "y")}
${grid(tile, store)}`;
  return elementwise(size, `${enableDtype(dtype)}${arrays}`, body);
}

/**
 * G' U G for each pair of channels, where U is the sum of `split` shares, added in order. `rest` is what further
 * threads do. Bindings: shares [products, split, in, out], dw, those of `rest`.
 */
export function transformWeightGradient(pairs: number, tile: TileSize, split: number, rest: Rest): Shader {
  const share = (element: number, part: number) => `shares[${(element * split + part) * pairs}u + i]`;
  const body = `${rest.body}
${grid(tile + 2, (y, x) => `  let u_${y}_${x} = ${unroll(split, (part) => share(y * (tile + 2) + x, part), " + ")};`)}
${sandwich(transpose(CONSTANTS[tile].filter), "u", "dw")}
${grid(3, (y, x) => `  dw[${(3 * y + x) * pairs}u + i] = dw_${y}_${x};`)}`;
  return elementwise(pairs + rest.threads, `${SHARES}\n${rest.declarations}`, body);
}
