/**
 * Every value is loaded once per subgroup and handed to the other lanes by `subgroupBroadcast`, without workgroup memory
 * or barriers. Made for adapters that run on a CPU, where one load costs as much as dozens of multiplications; on a GPU a
 * candidate like the others. A workgroup is one subgroup of `lanes` threads; lane s owns the columns 4s ... 4s+3 of each
 * row. `stores` is the number of store sites: more of them store faster, fewer compile faster, since each is dozens of
 * basic blocks on llvmpipe.
 *
 * Product: a workgroup holds `rows` pixels by 4 * lanes channels. For four input channels, lane s loads those of the
 * pixels s, s + lanes, ... and of its four weight rows; each pixel's are then broadcast.
 *
 * Weight gradient: it holds 4 * lanes rows (ky, kx, ci) by 4 * lanes columns. For each pixel, lane s loads the inputs of
 * rows 4s ... 4s+3 and the gradients of its columns, and the inputs are broadcast. Each of `parts` workgroups per tile
 * sums a contiguous share of the pixels; those of the first rows also sum the gradients, for the bias.
 */
import type { ConvProblem } from "../conv_problem.ts";
import { gpuRate, type ProductShape, tileSeconds } from "../estimate.ts";
import {
  locatePixel,
  outputAt,
  type PixelProduct,
  pixelTiles,
  productOperands,
  sliceOf,
  tapAddress,
} from "../operands/pixel_product.ts";
import { gradientOperands, locateRow } from "../operands/weight_gradient.ts";
import type { Family } from "./family.ts";
import type { Limits, Shader } from "../../kernel.ts";
import { ceilDiv, LANE, perWorkgroup, unroll } from "../../wgsl.ts";

interface BroadcastTuning {
  readonly family: "broadcast";
  readonly rows: number;
  readonly lanes: number;
  readonly stores: number;
}

interface BroadcastWeightTuning extends Omit<BroadcastTuning, "rows"> {
  readonly parts: number;
}

/** A lane's four columns of a row of an array [.., channels]: one vec4, or four clamped scalars. */
function loadColumns(load: (index: string) => string, row: string, channels: number): string {
  if (channels % 4 === 0) return load(`${row} * ${channels / 4}u + column`);
  const scalar = (c: number) => load(`${row} * ${channels}u + min(4u * column + ${c}u, ${channels - 1}u)`);
  return `vec4f(${unroll(4, scalar, ", ")})`;
}

/** Statements that store them: `store` is given an index, and which of the four, if not all. */
function storeColumns(row: string, channels: number, store: (to: string, part: string) => string): string {
  if (channels % 4 === 0) return store(`${row} * ${channels / 4}u + column`, "");
  return unroll(
    4,
    (c) =>
      `if (4u * column + ${c}u < ${channels}u) { ${store(`${row} * ${channels}u + 4u * column + ${c}u`, `[${c}]`)} }`,
  );
}

/**
 * Stores `count` sums from `stores` sites in turn: at each, `v` is a sum and `name` its number, from `first` on.
 * Which sum is chosen by selects: an array indexed at run time would live in memory.
 */
function storeSums(count: number, stores: number, name: string, first: string, store: string): string {
  const perSite = count / stores;
  return `  var v: vec4f;
  var ${name}: u32;
  for (var r = 0u; r < ${perSite}u; r++) {
${
    unroll(stores, (site) =>
      `    v = sum${site};
${unroll(perSite - 1, (r) => `    v = select(v, sum${(r + 1) * stores + site}, r == ${r + 1}u);`)}
    ${name} = ${first} + r * ${stores}u + ${site}u;
${store}`)
  }
  }`;
}

function productShader(g: PixelProduct, { rows, lanes, stores }: BroadcastTuning): Shader {
  const { channels: inChannels } = g.input, { channels: outChannels } = g.output;
  const deep = inChannels % 4 === 0, depth = deep ? 4 : 1, chunks = inChannels / depth;
  const vectors = ceilDiv(outChannels, 4), columnGroups = ceilDiv(vectors, lanes), fragments = rows / lanes;
  const { tiles, locate: locateTile } = pixelTiles(g, rows);
  const types = [deep ? "vec4f" : "f32", outChannels % 4 === 0 ? "vec4f" : "f32"] as const;
  const { declarations, pixel, weight, store } = productOperands(g, ...types);

  const accumulate = (m: number) => {
    const value = (k: number) =>
      `subgroupBroadcast(in${Math.floor(m / lanes)}${deep ? `.${"xyzw"[k]}` : ""}, ${m % lanes}u)`;
    return `        sum${m} += ${unroll(depth, (k) => `${value(k)} * w${k}`, " + ")};`;
  };

  return perWorkgroup(
    columnGroups * tiles,
    lanes,
    `enable subgroups;\n${declarations}`,
    LANE,
    `\
  let column0 = (index % ${columnGroups}u) * ${lanes}u;
  let column = min(column0 + lane, ${vectors - 1}u);
${locateTile(`index / ${columnGroups}u`)}
${
      unroll(fragments, (f) =>
        `  let pixel${f} = min(first + ${f * lanes}u + lane, end - 1u);
${locatePixel(g, `pixel${f}`, f)}`)
    }
${unroll(rows, (m) => `  var sum${m} = vec4f();`)}
  for (var ty = 0; ty < ${g.y.taps}; ty++) {
    for (var tx = 0; tx < ${g.x.taps}; tx++) {
      let slice = u32(${sliceOf(g)});
${unroll(fragments, (f) => tapAddress(g, f, chunks))}
      for (var k = 0u; k < ${chunks}u; k++) {
        let row = (slice * ${chunks}u + k) * ${depth}u;
${unroll(fragments, (f) => `        let in${f} = ${pixel(`at${f}`, `inside${f}`, "k")};`)}
${unroll(depth, (k) => `        let w${k} = ${loadColumns(weight, `(row + ${k}u)`, outChannels)};`)}
${unroll(rows, accumulate)}
      }
    }
  }
  let b = ${g.epilogue.bias ? loadColumns((at) => `bias[${at}]`, "0u", outChannels) : "vec4f()"};
${
      storeSums(
        rows,
        stores,
        "pixel",
        "first",
        `\
    if (pixel < end && column0 + lane < ${vectors}u) {
    ${locatePixel(g, "pixel", "")}
      let at = ${outputAt(g, "", 1)};
      ${storeColumns("at", outChannels, (to, part) => store(to, `v${part}`, `b${part}`))}
    }`,
      )
    }`,
  );
}

/** Pixels handled at once: a divisor of the row, so that none needs a test of its own. */
function pixelsAtOnce(width: number): number {
  return [4, 3, 2].find((count) => width % count === 0) ?? 1;
}

function weightShader(p: ConvProblem, { lanes, parts, stores }: BroadcastWeightTuning, bias: boolean): Shader {
  const deep = p.inChannels % 4 === 0, wide = p.outChannels % 4 === 0;
  const rows = p.kernel ** 2 * p.inChannels, units = ceilDiv(rows, 4), vectors = ceilDiv(p.outChannels, 4);
  const rowGroups = ceilDiv(units, lanes), columnGroups = ceilDiv(vectors, lanes), tile = 4 * lanes;
  const atOnce = pixelsAtOnce(p.outWidth), perRow = p.outWidth / atOnce;
  const chunks = p.batch * p.outHeight * perRow, share = ceilDiv(chunks, parts);
  const padded = p.padding > 0 || (p.outWidth - 1) * p.stride + p.kernel > p.width ||
    (p.outHeight - 1) * p.stride + p.kernel > p.height;
  const apart = deep ? 1 : 4; // rows of a lane that may belong to different taps
  const { declarations, x, dy, db } = gradientOperands(p, "x", deep ? "vec4f" : "f32", wide ? "vec4f" : "f32");

  const input = (q: number) => {
    const values = Array.from({ length: apart }, (_, r) => {
      const inside = padded ? `iy${r} >= 0 && iy${r} < ${p.height} && ix${r} >= 0 && ix${r} < ${p.width}` : "true";
      const pixel = `(n * ${p.height} + iy${r}) * ${p.width} + ix${r}`;
      const at = `u32(${padded ? `select(0, ${pixel}, ${inside})` : pixel}) * ${p.inChannels}u + ci${r}`;
      const value = x(deep ? `(${at}) / 4u` : at);
      return padded ? `select(${deep ? "vec4f()" : "0.0"}, ${value}, ${inside})` : value;
    });
    return `    var x${q}: vec4f;
    {
${unroll(apart, (r) => `      let ix${r} = (ox + ${q}) * ${p.stride} + kx${r};`)}
      x${q} = ${deep ? values[0]! : `vec4f(${values.join(", ")})`};
    }`;
  };
  const accumulate = (m: number) =>
    `    sum${m} += ${
      unroll(atOnce, (q) => `subgroupBroadcast(x${q}.${"xyzw"[m % 4]}, ${Math.floor(m / 4)}u) * d${q}`, " + ")
    };`;
  const storeIn = (array: string, row: string, value: string) =>
    storeColumns(row, p.outChannels, (to, part) => `${array}[${to}] = ${value}${part};`);

  const arrays = `enable subgroups;\n${declarations}\n${bias ? db : ""}`;
  return perWorkgroup(
    rowGroups * columnGroups * parts,
    lanes,
    arrays,
    LANE,
    `\
  let column0 = (index % ${columnGroups}u) * ${lanes}u;
  let column = min(column0 + lane, ${vectors - 1}u);
  let unit0 = (index / ${columnGroups}u) % ${rowGroups}u * ${lanes}u;
  let unit = unit0 + lane;
  let part = index / ${columnGroups * rowGroups}u;
${
      unroll(apart, (r) =>
        `  let row${r} = min(4u * unit + ${r}u, ${rows - 1}u);
${locateRow(p, "row", p.inChannels, r)}`)
    }
${unroll(tile, (m) => `  var sum${m} = vec4f();`)}
${bias ? "  var b = vec4f();" : ""}
  for (var chunk = part * ${share}u; chunk < min((part + 1u) * ${share}u, ${chunks}u); chunk++) {
    let row = i32(chunk / ${perRow}u);
    let ox = i32(chunk % ${perRow}u) * ${atOnce};
    let n = row / ${p.outHeight};
    let oy = row % ${p.outHeight};
${unroll(apart, (r) => `    let iy${r} = oy * ${p.stride} + ky${r};`)}
${unroll(atOnce, input)}
${
      unroll(
        atOnce,
        (q) => `    let d${q} = ${loadColumns(dy, `(u32(row) * ${p.outWidth}u + u32(ox) + ${q}u)`, p.outChannels)};`,
      )
    }
${unroll(tile, accumulate)}
${bias ? `    if (unit0 == 0u) { b += ${unroll(atOnce, (q) => `d${q}`, " + ")}; }` : ""}
  }
${
      storeSums(
        tile,
        stores,
        "out",
        "4u * unit0",
        `\
    if (out < ${rows}u && column0 + lane < ${vectors}u) {
      out += part * ${rows}u;
      ${storeIn("dw", "out", "v")}
    }`,
      )
    }
${bias ? `  if (unit0 == 0u && column0 + lane < ${vectors}u) { ${storeIn("db", "part", "b")} }` : ""}`,
  );
}

function seconds(shape: ProductShape, rows: number, lanes: number, limits: Limits): number {
  const perThread = 4 * rows;
  // 64 rows are a little faster, but take three times as long to compile: no choice without measuring.
  const onCpu = perThread === 128 ? 3.3e10 : perThread > 128 ? 3.2e10 : 2.5e10;
  const rate = limits.software ? onCpu : gpuRate(0.05);
  return tileSeconds(shape, { rows, columns: 4 * lanes, perThread }, rate, limits);
}

/** The subgroups of llvmpipe. SwiftShader's, of four, take minutes to compile (Chromium 156). */
const LANES = 8;

/** Rows of a product. On a GPU more of them would not fit into registers. */
const ROWS = { software: [32, 16, 64], gpu: [32, 16] };

export const broadcast: Family<BroadcastTuning, BroadcastWeightTuning> = {
  key: "broadcast",
  proven: true,
  product: {
    candidates(_channels, { subgroupSize: lanes, software }) {
      if (lanes === null || lanes < LANES) return [];
      return ROWS[software ? "software" : "gpu"].filter((rows) => rows % lanes === 0)
        .map((rows) => ({ family: "broadcast", rows, lanes, stores: 4 }));
    },
    shader: productShader,
    seconds: (shape, { rows, lanes }, limits) => seconds(shape, rows, lanes, limits),
  },
  weight: {
    sumsBias: true,
    divides: "pixels",
    candidates: (_channels, parts, { software, subgroupSize }) =>
      software && subgroupSize === LANES ? [{ family: "broadcast", lanes: LANES, parts, stores: 4 }] : [],
    shader: weightShader,
    seconds: (shape, { lanes }, limits) => seconds(shape, 4 * lanes, lanes, limits),
  },
};
