/**
 * One share of a convolution's weight gradient, register-tiled without workgroup memory: a thread holds `rows` input
 * channels by `vectors` vectors of output channels of one tap; `lanes` threads lie along the output channels. Each of
 * `parts` workgroups per tile sums a contiguous share of the output rows (n, oy). For channels that are no fours.
 */
import type { ConvProblem } from "../conv_problem.ts";
import type { Shader } from "../../kernel.ts";
import { enableDtype, loaded, storedType } from "../../dtype.ts";
import { ceilDiv, foldWorkgroups, unroll, WORKGROUP_INDEX } from "../../wgsl.ts";

export interface WeightDirectTuning {
  readonly family: "direct";
  readonly rows: number;
  readonly vectors: number;
  readonly lanes: number;
  readonly parts: number;
}

/** Bindings: x, dy, output [parts, kernel, kernel, in, out]. */
export function weightDirectShader(p: ConvProblem, { rows, vectors, lanes, parts }: WeightDirectTuning): Shader {
  const wide = p.outChannels % 4 === 0, type = wide ? "vec4f" : "f32";
  const columns = p.outChannels / (wide ? 4 : 1);
  const columnGroups = ceilDiv(columns, lanes * vectors), rowGroups = ceilDiv(p.inChannels, rows);
  const taps = p.kernel ** 2, outRows = p.batch * p.outHeight, share = ceilDiv(outRows, parts);
  const groups = columnGroups * rowGroups * taps * parts;
  const column = (v: number) => `min(column + ${v * lanes}u, ${columns - 1}u)`;
  const store = (m: number, v: number) =>
    `  if (ci + ${m}u < ${p.inChannels}u && column + ${v * lanes}u < ${columns}u) { ` +
    `dw[out + ${m * columns + v * lanes}u] = sum${m}_${v}; }`;
  const code = `${enableDtype(p.dtype)}@group(0) @binding(0) var<storage, read> x: array<${storedType("f32", p.dtype)}>;
@group(0) @binding(1) var<storage, read> dy: array<${storedType(type, p.dtype)}>;
@group(0) @binding(2) var<storage, read_write> dw: array<${type}>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = ${WORKGROUP_INDEX};
  if (index >= ${groups}u) { return; }
  let column = (index % ${columnGroups}u) * ${lanes * vectors}u + lane;
  let ci = (index / ${columnGroups}u) % ${rowGroups}u * ${rows}u;
  let tap = (index / ${columnGroups * rowGroups}u) % ${taps}u;
  let part = index / ${columnGroups * rowGroups * taps}u;
  let ky = i32(tap / ${p.kernel}u) - ${p.padding};
  let kx = i32(tap % ${p.kernel}u) - ${p.padding};
  // The outputs ox whose input column ox*s + kx lies inside the image.
  let begin = u32(max(0, (${p.stride - 1} - kx) / ${p.stride}));
  let end = u32(clamp((${p.width + p.stride - 1} - kx) / ${p.stride}, 0, ${p.outWidth}));
${unroll(rows, (m) => unroll(vectors, (v) => `  var sum${m}_${v} = ${type}();`))}
  for (var row = part * ${share}u; row < min((part + 1u) * ${share}u, ${outRows}u); row++) {
    let iy = i32(row % ${p.outHeight}u) * ${p.stride} + ky;
    if (iy < 0 || iy >= ${p.height}) { continue; }
    let at_x = i32(((row / ${p.outHeight}u) * ${p.height}u + u32(iy)) * ${p.width}u) + kx;
    for (var ox = begin; ox < end; ox++) {
      let at = u32(at_x + i32(ox) * ${p.stride}) * ${p.inChannels}u;
      let at_dy = (row * ${p.outWidth}u + ox) * ${columns}u;
${unroll(vectors, (v) => `      let d${v} = ${loaded(`dy[at_dy + ${column(v)}]`, type, p.dtype)};`)}
${unroll(rows, (m) => `      let x${m} = ${loaded(`x[at + min(ci + ${m}u, ${p.inChannels - 1}u)]`, "f32", p.dtype)};`)}
${unroll(rows, (m) => unroll(vectors, (v) => `      sum${m}_${v} += x${m} * d${v};`))}
    }
  }
  let out = ((part * ${taps}u + tap) * ${p.inChannels}u + ci) * ${columns}u + column;
${unroll(rows, (m) => unroll(vectors, (v) => store(m, v)))}
}
`;
  return { code, workgroups: foldWorkgroups(groups) };
}
