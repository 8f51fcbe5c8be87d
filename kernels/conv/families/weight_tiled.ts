/**
 * One share of a convolution's weight gradient through workgroup memory. As a matrix product: rows are (ky, kx, ci) in
 * one, columns output channels, the inner dimension is output pixels. A workgroup holds `rows` by `columns` and steps
 * through its share of the pixels `depth` at a time: its threads copy depth x rows inputs and depth x columns gradients
 * to workgroup memory, then each thread multiplies `threadRows` rows by `threadVectors` vectors of four columns. The
 * workgroups of the first rows also sum the gradients' columns, for the bias.
 *
 * Needs input and output channels, and `threadRows`, in fours.
 */
import type { ConvProblem } from "../conv_problem.ts";
import { copied, tiledThreads, type TiledTuning } from "./gather_tiled.ts";
import type { Shader } from "../../kernel.ts";
import { enableDtype, loaded, storedType } from "../../dtype.ts";
import { ceilDiv, foldWorkgroups, unroll, WORKGROUP_INDEX } from "../../wgsl.ts";

export interface WeightTiledTuning extends TiledTuning {
  readonly parts: number;
}

/** Bindings: x, dy, output [parts, kernel, kernel, in, out], and with `bias` the sums of dy [parts, out]. */
export function weightTiledShader(p: ConvProblem, tuning: WeightTiledTuning, bias: boolean): Shader {
  const { rows, columns, depth, threadRows, threadVectors, parts } = tuning;
  const [threadsX, threadsY] = tiledThreads(tuning), threads = threadsX * threadsY;
  const down = rows / 4, across = columns / 4, threadUnits = threadRows / 4;
  const inVectors = p.inChannels / 4, outVectors = p.outChannels / 4;
  const units = p.kernel ** 2 * inVectors,
    unitGroups = ceilDiv(units, down),
    columnGroups = ceilDiv(outVectors, across);
  const pixels = p.batch * p.outHeight * p.outWidth, share = ceilDiv(pixels, parts);
  const groups = unitGroups * columnGroups * parts;

  /** Vector `item` of the inputs: which four rows it belongs to, as tap and channels. */
  const place = (q: number) =>
    `  let unit${q} = min(firstUnit + (lane + ${q * threads}u) % ${down}u, ${units - 1}u);
  let ky${q} = i32(unit${q} / ${p.kernel * inVectors}u) - ${p.padding};
  let kx${q} = i32(unit${q} / ${inVectors}u % ${p.kernel}u) - ${p.padding};
  let ci${q} = unit${q} % ${inVectors}u;`;

  /** With one tap and no padding, pixels of input and output are the same. */
  const same = p.kernel === 1 && p.stride === 1 && p.padding === 0 && p.outHeight === p.height &&
    p.outWidth === p.width;
  const inRounds = ceilDiv(depth * down, threads), gradientRounds = ceilDiv(depth * across, threads);

  /** Fetches the round's vector of step `step` into `next_x`, or `next_d`. Addresses are valid where it is masked too. */
  const input = (at: string) => loaded(`input[${at}]`, "vec4f", p.dtype);
  const fetchInput = (q: number) =>
    same
      ? `    {
      let pixel = begin + STEP * ${depth}u + (lane + ${q * threads}u) / ${down}u;
      next_x${q} = select(vec4f(), ${input(`min(pixel, ${pixels - 1}u) * ${inVectors}u + ci${q}`)}, pixel < end);
    }`
      : `    {
      let pixel = begin + STEP * ${depth}u + (lane + ${q * threads}u) / ${down}u;
      let y = i32(pixel / ${p.outWidth}u % ${p.outHeight}u) * ${p.stride} + ky${q};
      let x = i32(pixel % ${p.outWidth}u) * ${p.stride} + kx${q};
      let n = i32(pixel / ${p.outHeight * p.outWidth}u);
      let inside = pixel < end && y >= 0 && y < ${p.height} && x >= 0 && x < ${p.width};
      let at = u32(select(0, (n * ${p.height} + y) * ${p.width} + x, inside)) * ${inVectors}u + ci${q};
      next_x${q} = select(vec4f(), ${input("at")}, inside);
    }`;
  const fetchGradient = (q: number) => {
    const value = loaded(`dy[min(pixel, ${pixels - 1}u) * ${outVectors}u + column]`, "vec4f", p.dtype);
    return `    {
      let item = lane + ${q * threads}u;
      let pixel = begin + STEP * ${depth}u + item / ${across}u;
      let column = min(firstVector + item % ${across}u, ${outVectors - 1}u);
      next_d${q} = select(vec4f(), ${value}, pixel < end);
    }`;
  };
  const fetch = (step: string) =>
    `${unroll(inRounds, fetchInput)}
${unroll(gradientRounds, fetchGradient)}`.replaceAll("STEP", step);
  const keepInput = (q: number, item: string) => `    inputs[${item}] = next_x${q};`;
  const keepGradient = (q: number, item: string) => `    gradients[${item}] = next_d${q};`;

  const multiply = (u: number) =>
    unroll(4, (r) => unroll(threadVectors, (v) => `      sum${4 * u + r}_${v} += in${u}.${"xyzw"[r]} * d${v};`));

  const store = (m: number) =>
    `  {
    let unit = firstUnit + local.y + ${Math.floor(m / 4) * threadsY}u;
${
      unroll(threadVectors, (v) =>
        `    if (unit < ${units}u && vector${v} < ${outVectors}u) {
      dw[((part * ${units}u + unit) * 4u + ${m % 4}u) * ${outVectors}u + vector${v}] = sum${m}_${v};
    }`)
    }
  }`;

  const type = storedType("vec4f", p.dtype);
  const code = `${enableDtype(p.dtype)}@group(0) @binding(0) var<storage, read> input: array<${type}>;
@group(0) @binding(1) var<storage, read> dy: array<${type}>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
${bias ? "@group(0) @binding(3) var<storage, read_write> db: array<vec4f>;" : ""}
var<workgroup> inputs: array<vec4f, ${depth * down}>;
var<workgroup> gradients: array<vec4f, ${depth * across}>;
@compute @workgroup_size(${threadsX}, ${threadsY})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = ${WORKGROUP_INDEX};
  if (index >= ${groups}u) { return; }
  let firstVector = (index % ${columnGroups}u) * ${across}u;
  let firstUnit = (index / ${columnGroups}u) % ${unitGroups}u * ${down}u;
  let part = index / ${columnGroups * unitGroups}u;
  let begin = part * ${share}u;
  let end = min(begin + ${share}u, ${pixels}u);
${unroll(inRounds, place)}
${unroll(threadRows, (m) => unroll(threadVectors, (v) => `  var sum${m}_${v} = vec4f();`))}
${bias ? unroll(threadVectors, (v) => `  var db${v} = vec4f();`) : ""}
${unroll(inRounds, (q) => `  var next_x${q}: vec4f;`)}
${unroll(gradientRounds, (q) => `  var next_d${q}: vec4f;`)}
${fetch("0u")}
  for (var step = 0u; step < ${ceilDiv(share, depth)}u; step++) {
    workgroupBarrier();
${copied(depth * down, threads, keepInput)}
${copied(depth * across, threads, keepGradient)}
    workgroupBarrier();
    // The next step's loads are under way while this one multiplies; past the end they are masked.
${fetch("(step + 1u)")}
    for (var k = 0u; k < ${depth}u; k++) {
${unroll(threadUnits, (u) => `      let in${u} = inputs[k * ${down}u + local.y + ${u * threadsY}u];`)}
${unroll(threadVectors, (v) => `      let d${v} = gradients[k * ${across}u + local.x + ${v * threadsX}u];`)}
${unroll(threadUnits, multiply)}
${bias ? `      if (firstUnit == 0u) { ${unroll(threadVectors, (v) => `db${v} += d${v};`, " ")} }` : ""}
    }
  }
${unroll(threadVectors, (v) => `  let vector${v} = firstVector + local.x + ${v * threadsX}u;`)}
${unroll(threadRows, store)}
${
    bias
      ? unroll(threadVectors, (v) =>
        `  if (firstUnit == 0u && local.y == 0u && vector${v} < ${outVectors}u) { db[part * ${outVectors}u + vector${v}] = db${v}; }`)
      : ""
  }
}
`;
  return { code, workgroups: foldWorkgroups(groups) };
}
