/**
 * One share of a convolution's weight gradient on matrix units. As a matrix product: rows are (ky, kx, ci) in one,
 * columns output channels, the inner dimension is output pixels. A workgroup holds a tile (matrix_tile.ts) and steps
 * through its share of the pixels `depth` at a time: its threads copy depth x rows inputs and depth x columns gradients,
 * f16, to workgroup memory, then its subgroups multiply. What the next step needs is loaded meanwhile. The workgroups of
 * the first rows also sum the gradients' columns, for the bias.
 *
 * Needs half precision, and input and output channels in fours.
 */
import type { ConvProblem } from "../conv_problem.ts";
import { copied } from "./gather_tiled.ts";
import type { Shader } from "../../kernel.ts";
import {
  columnsOf,
  declareSums,
  forEachSum,
  matrixArrays,
  type MatrixTuning,
  multiplyStaged,
  rowsOf,
  threadsOf,
} from "../matrix/matrix_tile.ts";
import {
  MATRIX_PARAMETERS,
  matrixDeclarations,
  matrixDirectives,
  stagedVector,
  stageVector,
} from "../matrix/subgroup_matrix.ts";
import { ceilDiv, foldWorkgroups, unroll, WORKGROUP_INDEX } from "../../wgsl.ts";

export interface WeightMatrixTuning extends MatrixTuning {
  readonly parts: number;
}

/** Bindings: x, dy, output [parts, kernel, kernel, in, out], and with `bias` the sums of dy [parts, out]. */
export function weightMatrixShader(p: ConvProblem, tuning: WeightMatrixTuning, bias: boolean): Shader {
  const { depth, matrix, parts } = tuning, threads = threadsOf(tuning);
  const arrays = matrixArrays(tuning, "col_major"), { left, right } = arrays;
  const down = rowsOf(tuning) / 4, across = columnsOf(tuning) / 4;
  const inVectors = p.inChannels / 4, outVectors = p.outChannels / 4, units = p.kernel ** 2 * inVectors;
  const unitGroups = ceilDiv(units, down), columnGroups = ceilDiv(outVectors, across);
  const image = p.outHeight * p.outWidth, pixels = p.batch * image, share = ceilDiv(pixels, parts);
  const groups = unitGroups * columnGroups * parts;
  const inRounds = ceilDiv(depth * down, threads), gradientRounds = ceilDiv(depth * across, threads);
  const biasRounds = ceilDiv(across, threads);

  /** Vector `item` of the inputs: which four rows it belongs to, as tap and channels, and its first pixel. */
  const place = (q: number) =>
    `  let unit${q} = min(first_unit + (lane + ${q * threads}u) % ${down}u, ${units - 1}u);
  let ky${q} = i32(unit${q} / ${p.kernel * inVectors}u) - ${p.padding};
  let kx${q} = i32(unit${q} / ${inVectors}u % ${p.kernel}u) - ${p.padding};
  let ci${q} = unit${q} % ${inVectors}u;
  let left_at${q} = (lane + ${q * threads}u) / ${down}u * ${left.stride}u + (lane + ${q * threads}u) % ${down}u;
  var pixel${q} = begin + (lane + ${q * threads}u) / ${down}u;
  var oy${q} = i32(pixel${q} / ${p.outWidth}u % ${p.outHeight}u);
  var ox${q} = i32(pixel${q} % ${p.outWidth}u);
  var n${q} = i32(pixel${q} / ${image}u);
  var next_x${q}: vec4<f16>;`;

  /** \`depth\` pixels on, without a division: images, rows and columns, each with at most one to carry. */
  const advance = (q: number) =>
    `      pixel${q} += ${depth}u;
      ox${q} += ${depth % p.outWidth};
      oy${q} += ${Math.floor(depth / p.outWidth) % p.outHeight} + select(0, 1, ox${q} >= ${p.outWidth});
      ox${q} -= select(0, ${p.outWidth}, ox${q} >= ${p.outWidth});
      n${q} += ${Math.floor(depth / image)} + select(0, 1, oy${q} >= ${p.outHeight});
      oy${q} -= select(0, ${p.outHeight}, oy${q} >= ${p.outHeight});`;

  /** Addresses are valid where the value is masked too. */
  const fetchInput = (q: number) =>
    `    {
      let y = oy${q} * ${p.stride} + ky${q};
      let x = ox${q} * ${p.stride} + kx${q};
      let inside = pixel${q} < end && y >= 0 && y < ${p.height} && x >= 0 && x < ${p.width};
      let at = u32(select(0, (n${q} * ${p.height} + y) * ${p.width} + x, inside)) * ${inVectors}u + ci${q};
      next_x${q} = select(vec4<f16>(), input[at], inside);
    }`;
  const placeGradient = (q: number) =>
    `  let item${q} = min(lane + ${q * threads}u, ${depth * across - 1}u);
  let right_at${q} = item${q} / ${across}u * ${right.stride}u + item${q} % ${across}u;
  let column${q} = min(first_vector + item${q} % ${across}u, ${outVectors - 1}u);
  var row${q} = begin + item${q} / ${across}u;
  var next_d${q}: vec4<f16>;`;
  const fetchGradient = (q: number) =>
    `    next_d${q} = select(vec4<f16>(), dy[min(row${q}, ${
      pixels - 1
    }u) * ${outVectors}u + column${q}], row${q} < end);`;
  const fetch = `${unroll(inRounds, fetchInput)}
${unroll(gradientRounds, fetchGradient)}`;
  const keepInput = (q: number) => `    ${stageVector(matrix, left, `left_at${q}`, `next_x${q}`)}`;
  const keepGradient = (q: number) => `    ${stageVector(matrix, right, `right_at${q}`, `next_d${q}`)}`;

  const sumBias = unroll(biasRounds, (b) =>
    `    if (first_unit == 0u && lane + ${b * threads}u < ${across}u) {
      for (var k = 0u; k < ${depth}u; k++) {
        db${b} += ${stagedVector(matrix, right, `(k * ${right.stride}u + lane + ${b * threads}u)`)};
      }
    }`);
  const storeBias = unroll(
    biasRounds,
    (b) =>
      `  if (first_unit == 0u && lane + ${b * threads}u < ${across}u && first_vector + lane + ${
        b * threads
      }u < ${outVectors}u) {
    db[part * ${outVectors}u + first_vector + lane + ${b * threads}u] = db${b};
  }`,
  );
  const store = `    let unit = first_unit + row / 4u;
    let column = first_vector + vector;
    if (unit < ${units}u && column < ${outVectors}u) {
      dw[((part * ${units}u + unit) * 4u + row % 4u) * ${outVectors}u + column] = sum;
    }`;

  const code = `${matrixDirectives(matrix)}
@group(0) @binding(0) var<storage, read> input: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
${bias ? "@group(0) @binding(3) var<storage, read_write> db: array<vec4f>;" : ""}
${matrixDeclarations(matrix, arrays)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32, ${MATRIX_PARAMETERS}) {
  let index = ${WORKGROUP_INDEX};
  if (index >= ${groups}u) { return; }
  let first_vector = (index % ${columnGroups}u) * ${across}u;
  let first_unit = (index / ${columnGroups}u) % ${unitGroups}u * ${down}u;
  let part = index / ${columnGroups * unitGroups}u;
  let begin = part * ${share}u;
  let end = min(begin + ${share}u, ${pixels}u);
${unroll(inRounds, place)}
${unroll(gradientRounds, placeGradient)}
${declareSums(tuning)}
${bias ? unroll(biasRounds, (b) => `  var db${b} = vec4f();`) : ""}
${fetch}
  for (var step = 0u; step < ${ceilDiv(share, depth)}u; step++) {
    workgroupBarrier();
${copied(depth * down, threads, keepInput)}
${copied(depth * across, threads, keepGradient)}
    workgroupBarrier();
    // Past the end what is loaded is masked.
${unroll(inRounds, advance)}
${unroll(gradientRounds, (q) => `    row${q} += ${depth}u;`)}
${fetch}
${bias ? sumBias : ""}
${multiplyStaged(tuning, arrays)}
  }
${forEachSum(tuning, arrays, store)}
${bias ? storeBias : ""}
}
`;
  return { code, workgroups: foldWorkgroups(groups) };
}
