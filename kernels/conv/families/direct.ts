/**
 * Register tiles without workgroup memory, for any channels and any device.
 *
 * Product: a thread holds `rows` pixels by `vectors` vectors of channels. The `lanes` threads of a row group lie along
 * the channels, so that weights are read side by side and the pixel's address is the same for all of them; `groups` row
 * groups make a workgroup.
 *
 * Weight gradient: a thread holds `rows` input channels by `vectors` vectors of output channels of one tap; `lanes`
 * threads lie along the output channels. Each of `parts` workgroups per tile sums a contiguous share of the output rows
 * (n, oy), which tests an edge once a row instead of once a pixel.
 */
import { type ConvProblem, tapsOf } from "../conv_problem.ts";
import { gpuRate, gradientSeconds, type ProductShape, shareOfLoop, tileSeconds } from "../estimate.ts";
import { type PixelProduct, productOperands } from "../operands/pixel_product.ts";
import { gradientOperands } from "../operands/weight_gradient.ts";
import type { Family } from "./family.ts";
import type { Limits, Shader } from "../../kernel.ts";
import { axesOf } from "../../per_axis.ts";
import { ceilDiv, LANE, LOCAL, perWorkgroup, unroll } from "../../wgsl.ts";

interface DirectTuning {
  readonly family: "direct";
  readonly rows: number;
  readonly vectors: number;
  readonly lanes: number;
  readonly groups: number;
  /** Hide from compilers how many taps there are, so that none unrolls the loops over them; absent: no. */
  readonly rolled?: true;
}

interface DirectWeightTuning extends Omit<DirectTuning, "groups" | "rolled"> {
  readonly parts: number;
}

/** One thread per four pixels and one vector of channels: the plainest shader, for any channels and device. */
export const PLAIN_PRODUCT: DirectTuning = {
  family: "direct",
  rows: 4,
  vectors: 1,
  lanes: 8,
  groups: 8,
  rolled: true,
};
export const plainWeight = (parts: number): DirectWeightTuning => ({
  family: "direct",
  rows: 1,
  vectors: 1,
  lanes: 8,
  parts,
});

/** Threads along the columns: as many as there are vectors, up to `most`. */
const lanesFor = (channels: number, most: number) =>
  Math.min(most, 2 ** Math.ceil(Math.log2(channels % 4 === 0 ? channels / 4 : channels)));

function productShader(g: PixelProduct, { rows, vectors, lanes, groups, rolled }: DirectTuning): Shader {
  const wide = g.output.channels % 4 === 0, deep = g.input.channels % 4 === 0;
  const depth = deep ? 4 : 1, type = wide ? "vec4f" : "f32";
  const columns = g.output.channels / (wide ? 4 : 1), chunks = g.input.channels / depth;
  const columnGroups = ceilDiv(columns, lanes * vectors),
    column = (v: number) => `min(column + ${v * lanes}u, ${columns - 1}u)`;
  const of = productOperands(g, deep ? "vec4f" : "f32", type), { tiles, locate } = of.tilesOf(rows * groups);

  const zero = rolled ? "i32(local.x / 1024u)" : "0"; // which compilers do not know to be 0

  const place = (m: number) =>
    `  let pixel${m} = min(pixel + ${m}u, end - 1u);
${of.locate(`pixel${m}`, m)}
${unroll(vectors, (v) => `  var sum${m}_${v} = ${type}();`)}`;
  const accumulate = (k: number) => {
    const add = (m: number, v: number) => `        sum${m}_${v} += in${m}${deep ? `.${"xyzw"[k]}` : ""} * w${v}_${k};`;
    return `${unroll(vectors, (v) => `        let w${v}_${k} = ${of.weight(`at_w + ${k * columns}u + ${column(v)}`)};`)}
${unroll(rows, (m) => unroll(vectors, (v) => add(m, v)))}`;
  };
  const store = (m: number) => {
    const storeVector = (v: number) => of.store(`at + ${v * lanes}u`, `sum${m}_${v}`, of.bias(column(v)));
    return `  if (pixel + ${m}u < end) {
    let at = ${of.outputAt(m, columns)} + column;
${unroll(vectors, (v) => `    if (column + ${v * lanes}u < ${columns}u) { ${storeVector(v)} }`)}
  }`;
  };

  const body = `  let column = (index % ${columnGroups}u) * ${lanes * vectors}u + local.x;
${locate(`index / ${columnGroups}u`)}
  let pixel = first + local.y * ${rows}u;
${unroll(rows, place)}
  for (var ty = ${zero}; ty < ${g.y.taps}; ty++) {
    for (var tx = ${zero}; tx < ${g.x.taps}; tx++) {
      let slice = u32(${of.slice});
${unroll(rows, (m) => of.tap(m, chunks))}
      for (var k = 0u; k < ${chunks}u; k++) {
        let at_w = (slice * ${chunks}u + k) * ${depth * columns}u;
${unroll(rows, (m) => `        let in${m} = ${of.pixel(`at${m}`, `inside${m}`, "k")};`)}
${unroll(depth, accumulate)}
      }
    }
  }
${unroll(rows, store)}`;
  const { declarations } = of, size = `${lanes}, ${groups}`;
  return perWorkgroup({ count: columnGroups * tiles, size, declarations, builtins: LOCAL }, body);
}

function weightShader(p: ConvProblem, { rows, vectors, lanes, parts }: DirectWeightTuning): Shader {
  const wide = p.outChannels % 4 === 0, type = wide ? "vec4f" : "f32";
  const columns = p.outChannels / (wide ? 4 : 1);
  const columnGroups = ceilDiv(columns, lanes * vectors), rowGroups = ceilDiv(p.inChannels, rows);
  const taps = tapsOf(p), outRows = p.batch * p.outHeight, share = ceilDiv(outRows, parts);
  const [, columnTaps] = axesOf(p.kernel), [top, left] = axesOf(p.padding), [down, across] = axesOf(p.stride);
  const { declarations, x, dy } = gradientOperands(p, "x", "f32", type);
  const column = (v: number) => `min(column + ${v * lanes}u, ${columns - 1}u)`;
  const store = (m: number, v: number) =>
    `  if (ci + ${m}u < ${p.inChannels}u && column + ${v * lanes}u < ${columns}u) { ` +
    `dw[out + ${m * columns + v * lanes}u] = sum${m}_${v}; }`;
  const count = columnGroups * rowGroups * taps * parts;
  const body = `  let column = (index % ${columnGroups}u) * ${lanes * vectors}u + lane;
  let ci = (index / ${columnGroups}u) % ${rowGroups}u * ${rows}u;
  let tap = (index / ${columnGroups * rowGroups}u) % ${taps}u;
  let part = index / ${columnGroups * rowGroups * taps}u;
  let ky = i32(tap / ${columnTaps}u) - ${top};
  let kx = i32(tap % ${columnTaps}u) - ${left};
  // The outputs ox whose input column ox*s + kx lies inside the image.
  let begin = u32(max(0, (${across - 1} - kx) / ${across}));
  let end = u32(clamp((${p.width + across - 1} - kx) / ${across}, 0, ${p.outWidth}));
${unroll(rows, (m) => unroll(vectors, (v) => `  var sum${m}_${v} = ${type}();`))}
  for (var row = part * ${share}u; row < min((part + 1u) * ${share}u, ${outRows}u); row++) {
    let iy = i32(row % ${p.outHeight}u) * ${down} + ky;
    if (iy < 0 || iy >= ${p.height}) { continue; }
    let at_x = i32(((row / ${p.outHeight}u) * ${p.height}u + u32(iy)) * ${p.width}u) + kx;
    for (var ox = begin; ox < end; ox++) {
      let at = u32(at_x + i32(ox) * ${across}) * ${p.inChannels}u;
      let at_dy = (row * ${p.outWidth}u + ox) * ${columns}u;
${unroll(vectors, (v) => `      let d${v} = ${dy(`at_dy + ${column(v)}`)};`)}
${unroll(rows, (m) => `      let x${m} = ${x(`at + min(ci + ${m}u, ${p.inChannels - 1}u)`)};`)}
${unroll(rows, (m) => unroll(vectors, (v) => `      sum${m}_${v} += x${m} * d${v};`))}
    }
  }
  let out = ((part * ${taps}u + tap) * ${p.inChannels}u + ci) * ${columns}u + column;
${unroll(rows, (m) => unroll(vectors, (v) => store(m, v)))}`;
  return perWorkgroup({ count, size: lanes, declarations, builtins: LANE }, body);
}

type Tile = Pick<DirectTuning, "rows" | "vectors" | "lanes"> & { readonly groups?: number };

/** The loop waits for what it loads: nothing is fetched ahead. */
const LOADED = 0.5;
/** Eight rows of pixels spill where channels are few, and leave room for half the subgroups (RADV: `npm run isa`). */
const CROWDED = 0.5;

function seconds(shape: ProductShape, { rows, vectors, lanes, groups }: Tile, limits: Limits): number {
  const width = shape.columns % 4 === 0 ? 4 : 1, perThread = rows * vectors * width;
  const loop = { products: perThread, bytes: 4 * rows + 4 * width * vectors, others: 0 };
  const crowded = groups !== undefined && rows > 4 ? CROWDED : 1; // only products of pixels have groups
  const rate = limits.software ? 1.2e10 + 5e7 * perThread : gpuRate(LOADED * crowded * shareOfLoop(loop));
  return tileSeconds(shape, { rows: rows * (groups ?? 1), columns: lanes * vectors * width, perThread }, rate, limits);
}

/**
 * SwiftShader, with its subgroups of four, compiles 4 rows in 0.1 s, 6 in 0.4 s and 8 in 49 s (Chromium 156, two busy
 * cores).
 */
const isSwiftShader = ({ software, subgroupSize }: Limits) => software && subgroupSize !== null && subgroupSize < 8;

/**
 * Software without subgroups is Mesa's driver under wgpu, Deno's own WebGPU. Its LLVM takes 7 s for the input gradient of
 * a 3x3 convolution with a stride of 2, and did not end in two minutes with the loops over a phase's taps unrolled.
 */
const isWgpu = ({ software, subgroupSize, subgroupSizes }: Limits) =>
  software && subgroupSize === null && subgroupSizes === undefined;

export const direct: Family<DirectTuning, DirectWeightTuning> = {
  key: "direct",
  proven: true, // executed by the tests, in software
  product: {
    candidates({ output }, limits) {
      const lanes = lanesFor(output, 8), groups = 64 / lanes;
      if (lanes * groups > limits.workgroupInvocations) return [];
      return (isSwiftShader(limits) ? [[4, 1], [4, 2]] : [[4, 1], [4, 2], [8, 1]]).map(([rows, vectors]) => ({
        family: "direct",
        rows: rows!,
        vectors: vectors!,
        lanes,
        groups,
        ...(isWgpu(limits) ? { rolled: true } : {}),
      }));
    },
    shader: productShader,
    seconds,
  },
  weight: {
    biasSums: () => 0,
    divides: "rows",
    candidates: ({ input, output }, parts) =>
      [4, 8].filter((rows) => rows === 4 || rows <= input).map((rows) => ({
        family: "direct",
        rows: Math.min(rows, input),
        vectors: 1,
        lanes: lanesFor(output, 32),
        parts,
      })),
    shader: weightShader,
    seconds: (shape, tuning, limits) => gradientSeconds(seconds(shape, tuning, limits), limits),
  },
};
