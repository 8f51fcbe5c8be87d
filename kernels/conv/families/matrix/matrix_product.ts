/**
 * Products of pixels on matrix units: implicit GEMM, whose steps go through taps and input channels. Where a thread's
 * inputs lie is found once for each tap, by counting: a division would take longer than the products of a step.
 */
import { type PixelProduct, productOperands } from "../../operands/pixel_product.ts";
import { inRounds, keptInRounds } from "../staged.ts";
import { columnsOf, matrixArrays, matrixShader, type MatrixTuning, rowsOf, threadsOf } from "./matrix_tile.ts";
import { stageVector } from "./subgroup_matrix.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv } from "../../../wgsl.ts";

export function matrixProduct(g: PixelProduct, tuning: MatrixTuning): Shader {
  const { depth, matrix } = tuning, rows = rowsOf(tuning), threads = threadsOf(tuning);
  const arrays = matrixArrays(tuning, "row_major"), { left, right } = arrays;
  const deep = depth / 4, across = columnsOf(tuning) / 4, inputs = rows * deep, weights = depth * across;
  const inVectors = g.input.channels / 4, outVectors = g.output.channels / 4;
  const columnGroups = ceilDiv(outVectors, across), chunks = ceilDiv(inVectors, deep);
  const ragged = inVectors % deep !== 0, steps = g.y.taps * g.x.taps * chunks;
  const of = productOperands(g, "vec4<f16>", "vec4<f16>", "vec4f"), { tiles, locate } = of.tilesOf(rows);

  /** The tap (`ty`, `tx`): its weight slice, and where each of the thread's inputs lies. */
  const aim = `      slice = u32(${of.slice});
${
    inRounds(inputs, threads, (q) =>
      `      {
${of.tap(q, inVectors)}
      from${q} = at${q};
${of.clipped ? `      valid${q} = inside${q};\n` : ""}\
      }`)
  }`;
  const fetchInput = (q: number) => {
    const k = `chunk * ${deep}u + k${q}`, tests = ragged ? [`${k} < ${inVectors}u`] : [];
    const at = ragged ? `min(${k}, ${inVectors - 1}u)` : k;
    return `      next_in${q} = ${of.pixel(`from${q}`, `valid${q}`, at, ...tests)};`;
  };
  const fetchWeights = (q: number) => {
    const k = `chunk * ${depth}u + weight_row${q}`, row = ragged ? `min(${k}, ${g.input.channels - 1}u)` : k;
    // Past the last input channel the inputs are 0, so any finite weight will do.
    const at = `(slice * ${g.input.channels}u + ${row}) * ${outVectors}u + weight_column${q}`;
    return `      next_w${q} = ${of.weight(at)};`;
  };
  const fetch = `${inRounds(inputs, threads, fetchInput)}\n${inRounds(weights, threads, fetchWeights)}`;
  const placeInput = (q: number) =>
    `  let pixel${q} = min(first + (lane + ${q * threads}u) / ${deep}u, end - 1u);
  let k${q} = (lane + ${q * threads}u) % ${deep}u;
  let left_at${q} = (lane + ${q * threads}u) / ${deep}u * ${left.stride}u + k${q};
${of.locate(`pixel${q}`, q)}
  var from${q}: u32;
${of.clipped ? `  var valid${q}: bool;\n` : ""}\
  var next_in${q}: vec4<f16>;`;
  // Threads past the end fetch the last vector again: a valid address, never stored.
  const placeWeights = (q: number) =>
    `  let weight${q} = min(lane + ${q * threads}u, ${weights - 1}u);
  let weight_row${q} = weight${q} / ${across}u;
  let right_at${q} = weight_row${q} * ${right.stride}u + weight${q} % ${across}u;
  let weight_column${q} = min(first_vector + weight${q} % ${across}u, ${outVectors - 1}u);
  var next_w${q}: vec4<f16>;`;

  const store = `    let pixel = first + row;
    let column = first_vector + vector;
    if (pixel < end && column < ${outVectors}u) {
${of.locate("pixel", "")}
      let at = ${of.outputAt("", outVectors)} + column;
      ${of.store("at", "sum", of.bias("column"))}
    }`;

  return matrixShader(tuning, arrays, { count: columnGroups * tiles, declarations: of.declarations }, {
    place: `  let first_vector = (index % ${columnGroups}u) * ${across}u;
${locate(`index / ${columnGroups}u`)}
${inRounds(inputs, threads, placeInput)}
${inRounds(weights, threads, placeWeights)}`,
    start: `  var chunk = 0u;
  var ty = 0;
  var tx = 0;
  var slice = 0u;
  {
${steps === 0 ? "" : `${aim}\n${fetch}`}
  }`,
    steps,
    keep: `\
${keptInRounds(inputs, threads, (q) => `      ${stageVector(matrix, left, `left_at${q}`, `next_in${q}`)}`)}
${keptInRounds(weights, threads, (q) => `      ${stageVector(matrix, right, `right_at${q}`, `next_w${q}`)}`)}`,
    next: `    if (step + 1u < ${steps}u) {
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
    }`,
    store,
  });
}
