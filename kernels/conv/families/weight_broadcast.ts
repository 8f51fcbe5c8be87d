/**
 * One share of a convolution's weight gradient for adapters that run on a CPU (see gather_broadcast.ts for why).
 *
 * As a matrix product: rows are (ky, kx, ci) in one, columns output channels, the inner dimension is output pixels. A
 * workgroup is one subgroup of `lanes` threads and holds 4 * lanes rows by 4 * lanes columns: for each pixel, lane s
 * loads the inputs of rows 4s ... 4s+3 and the gradients of columns 4s ... 4s+3, and the inputs are broadcast. Each of
 * `parts` workgroups per tile sums a contiguous share of the pixels; `stores` is the number of store sites. The
 * workgroups of the first rows also sum the gradients, for the bias.
 */
import type { ConvProblem } from "../conv_problem.ts";
import type { Shader } from "../../kernel.ts";
import { enableDtype, loaded, storedType } from "../../dtype.ts";
import { ceilDiv, foldWorkgroups, unroll, WORKGROUP_INDEX } from "../../wgsl.ts";

export interface WeightBroadcastTuning {
  readonly family: "broadcast";
  readonly lanes: number;
  readonly parts: number;
  readonly stores: number;
}

/** Pixels handled at once: a divisor of the row, so that none needs a test of its own. */
function pixelsAtOnce(width: number): number {
  return [4, 3, 2].find((count) => width % count === 0) ?? 1;
}

/** Bindings: x, dy, output [parts, kernel, kernel, in, out], and with `bias` the sums of dy [parts, out]. */
export function weightBroadcastShader(
  p: ConvProblem,
  { lanes, parts, stores }: WeightBroadcastTuning,
  bias: boolean,
): Shader {
  const deep = p.inChannels % 4 === 0, wide = p.outChannels % 4 === 0;
  const rows = p.kernel ** 2 * p.inChannels, units = ceilDiv(rows, 4), vectors = ceilDiv(p.outChannels, 4);
  const rowGroups = ceilDiv(units, lanes), columnGroups = ceilDiv(vectors, lanes), tile = 4 * lanes;
  const atOnce = pixelsAtOnce(p.outWidth), perRow = p.outWidth / atOnce;
  const chunks = p.batch * p.outHeight * perRow, share = ceilDiv(chunks, parts);
  const padded = p.padding > 0 || (p.outWidth - 1) * p.stride + p.kernel > p.width ||
    (p.outHeight - 1) * p.stride + p.kernel > p.height;
  const groups = rowGroups * columnGroups * parts;
  const apart = deep ? 1 : 4; // rows of a lane that may belong to different taps

  /** Input row `4 * unit + r`: its tap and channel. With whole vectors, four rows share them. */
  const locate = (r: number) =>
    `  let row${r} = min(4u * unit + ${r}u, ${rows - 1}u);
  let ky${r} = i32(row${r} / ${p.kernel * p.inChannels}u) - ${p.padding};
  let kx${r} = i32(row${r} / ${p.inChannels}u % ${p.kernel}u) - ${p.padding};
  let ci${r} = row${r} % ${p.inChannels}u;`;

  const input = (q: number) => {
    const parts = Array.from({ length: apart }, (_, r) => {
      const inside = padded ? `iy${r} >= 0 && iy${r} < ${p.height} && ix${r} >= 0 && ix${r} < ${p.width}` : "true";
      const pixel = `(n * ${p.height} + iy${r}) * ${p.width} + ix${r}`;
      const at = `u32(${padded ? `select(0, ${pixel}, ${inside})` : pixel}) * ${p.inChannels}u + ci${r}`;
      const value = loaded(deep ? `x[(${at}) / 4u]` : `x[${at}]`, deep ? "vec4f" : "f32", p.dtype);
      return {
        before: `      let ix${r} = (ox + ${q}) * ${p.stride} + kx${r};`,
        value: padded ? `select(${deep ? "vec4f()" : "0.0"}, ${value}, ${inside})` : value,
      };
    });
    return `    var x${q}: vec4f;
    {
${parts.map(({ before }) => before).join("\n")}
      x${q} = ${deep ? parts[0]!.value : `vec4f(${parts.map(({ value }) => value).join(", ")})`};
    }`;
  };

  const gradient = (q: number) => {
    const pixel = `(u32(row) * ${p.outWidth}u + u32(ox) + ${q}u)`;
    const column = (c: number) => `min(4u * column + ${c}u, ${p.outChannels - 1}u)`;
    const scalar = (c: number) => loaded(`dy[${pixel} * ${p.outChannels}u + ${column(c)}]`, "f32", p.dtype);
    const vector = loaded(`dy[${pixel} * ${vectors}u + column]`, "vec4f", p.dtype);
    return `    let d${q} = ${wide ? vector : `vec4f(${unroll(4, scalar, ", ")})`};`;
  };

  const accumulate = (m: number) =>
    `    sum${m} += ${
      unroll(atOnce, (q) => `subgroupBroadcast(x${q}.${"xyzw"[m % 4]}, ${Math.floor(m / 4)}u) * d${q}`, " + ")
    };`;

  /** Stores the four columns `value` in row `row` of an array [.., out]. */
  const storeColumns = (array: string, row: string, value: string) =>
    wide ? `${array}[${row} * ${vectors}u + column] = ${value};` : unroll(4, (c) => {
      const at = `${row} * ${p.outChannels}u + 4u * column + ${c}u`;
      return `if (4u * column + ${c}u < ${p.outChannels}u) { ${array}[${at}] = ${value}[${c}]; }`;
    });

  const perSite = tile / stores;
  const store = (site: number) =>
    `    v = sum${site};
${unroll(perSite - 1, (r) => `    v = select(v, sum${(r + 1) * stores + site}, r == ${r + 1}u);`)}
    out = 4u * unit0 + r * ${stores}u + ${site}u;
    if (out < ${rows}u && column0 + lane < ${vectors}u) {
      out += part * ${rows}u;
      ${storeColumns("dw", "out", "v")}
    }`;

  const code = `enable subgroups;
${enableDtype(p.dtype)}@group(0) @binding(0) var<storage, read> x: array<${
    storedType(deep ? "vec4f" : "f32", p.dtype)
  }>;
@group(0) @binding(1) var<storage, read> dy: array<${storedType(wide ? "vec4f" : "f32", p.dtype)}>;
@group(0) @binding(2) var<storage, read_write> dw: array<${wide ? "vec4f" : "f32"}>;
${bias ? `@group(0) @binding(3) var<storage, read_write> db: array<${wide ? "vec4f" : "f32"}>;` : ""}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = ${WORKGROUP_INDEX};
  if (index >= ${groups}u) { return; }
  let column0 = (index % ${columnGroups}u) * ${lanes}u;
  let column = min(column0 + lane, ${vectors - 1}u);
  let unit0 = (index / ${columnGroups}u) % ${rowGroups}u * ${lanes}u;
  let unit = unit0 + lane;
  let part = index / ${columnGroups * rowGroups}u;
${unroll(apart, locate)}
${unroll(tile, (m) => `  var sum${m} = vec4f();`)}
${bias ? "  var b = vec4f();" : ""}
  for (var chunk = part * ${share}u; chunk < min((part + 1u) * ${share}u, ${chunks}u); chunk++) {
    let row = i32(chunk / ${perRow}u);
    let ox = i32(chunk % ${perRow}u) * ${atOnce};
    let n = row / ${p.outHeight};
    let oy = row % ${p.outHeight};
${unroll(apart, (r) => `    let iy${r} = oy * ${p.stride} + ky${r};`)}
${unroll(atOnce, input)}
${unroll(atOnce, gradient)}
${unroll(tile, accumulate)}
${bias ? `    if (unit0 == 0u) { b += ${unroll(atOnce, (q) => `d${q}`, " + ")}; }` : ""}
  }
  var v: vec4f;
  var out: u32;
  for (var r = 0u; r < ${perSite}u; r++) {
${unroll(stores, store)}
  }
${bias ? `  if (unit0 == 0u && column0 + lane < ${vectors}u) { ${storeColumns("db", "part", "b")} }` : ""}
}
`;
  return { code, workgroups: foldWorkgroups(groups) };
}
