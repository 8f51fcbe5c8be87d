/**
 * A gathering convolution on matrix units, as implicit GEMM: a workgroup holds a tile of pixels by output channels
 * (matrix_tile.ts) and steps through taps and input channels `depth` at a time. For each step its threads copy
 * rows x depth inputs and depth x columns weights, f16, to workgroup memory, then its subgroups multiply. What the next
 * step needs is loaded meanwhile. Edges are filled with 0 where they are staged; sums are f32 up to the epilogue.
 *
 * Needs half precision, and input and output channels in fours.
 */
import {
  gatherBindings,
  type GatherConv,
  leaves,
  locatePixel,
  outputAt,
  pixelTiles,
  sliceOf,
  tapAddress,
} from "../operands/gather_conv.ts";
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
import { MATRIX_PARAMETERS, matrixDeclarations, matrixDirectives, stageVector } from "../matrix/subgroup_matrix.ts";
import { ceilDiv, foldWorkgroups, unroll, WORKGROUP_INDEX } from "../../wgsl.ts";

/** See `productShader` of gather_families.ts. */
export function gatherMatrixShader(g: GatherConv, tuning: MatrixTuning): Shader {
  const { depth, matrix } = tuning, rows = rowsOf(tuning), threads = threadsOf(tuning);
  const arrays = matrixArrays(tuning, "row_major"), { left, right } = arrays;
  const deep = depth / 4, across = columnsOf(tuning) / 4;
  const inVectors = g.input.channels / 4, outVectors = g.output.channels / 4;
  const columnGroups = ceilDiv(outVectors, across), chunks = ceilDiv(inVectors, deep);
  const ragged = inVectors % deep !== 0, clipped = leaves(g);
  const { tiles, locate } = pixelTiles(g, rows);
  const steps = g.y.taps * g.x.taps * chunks;
  const inRounds = ceilDiv(rows * deep, threads), weightRounds = ceilDiv(depth * across, threads);

  /** The tap (`ty`, `tx`): its weight slice, and where each of the thread's inputs lies. */
  const aim = `      slice = u32(${sliceOf(g)});
${
    unroll(inRounds, (q) =>
      `      {
${tapAddress(g, q, inVectors)}
      from${q} = at${q};
${clipped ? `      valid${q} = inside${q};\n` : ""}\
      }`)
  }`;
  const fetchInput = (q: number) => {
    const k = `chunk * ${deep}u + k${q}`, value = `input[from${q} + ${ragged ? `min(${k}, ${inVectors - 1}u)` : k}]`;
    const tests = [...(clipped ? [`valid${q}`] : []), ...(ragged ? [`${k} < ${inVectors}u`] : [])];
    return `      next_in${q} = ${
      tests.length === 0 ? value : `select(vec4<f16>(), ${value}, ${tests.join(" && ")})`
    };`;
  };
  const fetchWeights = (q: number) => {
    const k = `chunk * ${depth}u + weight_row${q}`;
    const row = ragged ? `min(${k}, ${g.input.channels - 1}u)` : k;
    // Past the last input channel the inputs are 0, so any finite weight will do.
    return `      next_w${q} = weights[(slice * ${g.input.channels}u + ${row}) * ${outVectors}u + weight_column${q}];`;
  };
  const fetch = `${unroll(inRounds, fetchInput)}
${unroll(weightRounds, fetchWeights)}`;
  const keepInput = (q: number) => `      ${stageVector(matrix, left, `left_at${q}`, `next_in${q}`)}`;
  const keepWeights = (q: number) => `      ${stageVector(matrix, right, `right_at${q}`, `next_w${q}`)}`;

  const store = `    let pixel = first + row;
    let column = first_vector + vector;
    if (pixel < end && column < ${outVectors}u) {
${locatePixel(g, "pixel", "")}
      let at = ${outputAt(g, "", outVectors)} + column;
      output[at] = vec4<f16>(finish(sum, ${g.epilogue.bias ? "bias[column]" : "vec4f()"}, at));
    }`;

  const code = `${matrixDirectives(matrix)}
${gatherBindings(g, "vec4f", "vec4f")}
${matrixDeclarations(matrix, arrays)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32, ${MATRIX_PARAMETERS}) {
  let index = ${WORKGROUP_INDEX};
  if (index >= ${columnGroups * tiles}u) { return; }
  let first_vector = (index % ${columnGroups}u) * ${across}u;
${locate(`index / ${columnGroups}u`)}
${
    unroll(inRounds, (q) =>
      `  let pixel${q} = min(first + (lane + ${q * threads}u) / ${deep}u, end - 1u);
  let k${q} = (lane + ${q * threads}u) % ${deep}u;
  let left_at${q} = (lane + ${q * threads}u) / ${deep}u * ${left.stride}u + k${q};
${locatePixel(g, `pixel${q}`, q)}
  var from${q}: u32;
${clipped ? `  var valid${q}: bool;\n` : ""}\
  var next_in${q}: vec4<f16>;`)
  }
${
    // Threads past the end fetch the last vector again: a valid address, never stored.
    unroll(weightRounds, (q) =>
      `  let weight${q} = min(lane + ${q * threads}u, ${depth * across - 1}u);
  let weight_row${q} = weight${q} / ${across}u;
  let right_at${q} = weight_row${q} * ${right.stride}u + weight${q} % ${across}u;
  let weight_column${q} = min(first_vector + weight${q} % ${across}u, ${outVectors - 1}u);
  var next_w${q}: vec4<f16>;`)}
${declareSums(tuning)}
  var chunk = 0u;
  var ty = 0;
  var tx = 0;
  var slice = 0u;
  {
${steps === 0 ? "" : `${aim}\n${fetch}`}
  }
  for (var step = 0u; step < ${steps}u; step++) {
    workgroupBarrier();
${copied(rows * deep, threads, keepInput)}
${copied(depth * across, threads, keepWeights)}
    workgroupBarrier();
    if (step + 1u < ${steps}u) {
      chunk++;
      if (chunk == ${chunks}u) {
        chunk = 0u;
        tx++;
        if (tx == ${g.x.taps}) {
          tx = 0;
          ty++;
        }
${aim}
      }
${fetch}
    }
${multiplyStaged(tuning, arrays)}
  }
${forEachSum(tuning, arrays, store)}
}
`;
  return { code, workgroups: foldWorkgroups(columnGroups * tiles) };
}
