/**
 * Products of pixels on matrix units (matrix_tile.ts): implicit GEMM, whose steps go through taps and input channels.
 * Where a thread's inputs lie is found once for each tap: a division would take longer than the products of a step.
 */
import {
  leaves,
  locatePixel,
  outputAt,
  type PixelProduct,
  pixelTiles,
  productOperands,
  sliceOf,
  tapAddress,
} from "../../operands/pixel_product.ts";
import { columnsOf, matrixArrays, matrixShader, type MatrixTuning, rowsOf, threadsOf } from "./matrix_tile.ts";
import { stageVector } from "./subgroup_matrix.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv } from "../../../wgsl.ts";

export function matrixProduct(g: PixelProduct, tuning: MatrixTuning): Shader {
  const { depth, matrix } = tuning, rows = rowsOf(tuning), threads = threadsOf(tuning);
  const arrays = matrixArrays(tuning, "row_major"), { left, right } = arrays;
  const deep = depth / 4, across = columnsOf(tuning) / 4;
  const inVectors = g.input.channels / 4, outVectors = g.output.channels / 4;
  const columnGroups = ceilDiv(outVectors, across), chunks = ceilDiv(inVectors, deep);
  const ragged = inVectors % deep !== 0, clipped = leaves(g), steps = g.y.taps * g.x.taps * chunks;
  const { tiles, locate } = pixelTiles(g, rows);
  const { declarations, pixel, weight, bias, store } = productOperands(g, "vec4<f16>", "vec4<f16>", "vec4f");

  /** Where the tap (`ty`, `tx`) of the vector's pixel lies. */
  const aim = (q: number) =>
    `      {
${tapAddress(g, q, inVectors)}
      from${q} = at${q};
${clipped ? `      valid${q} = inside${q};\n` : ""}\
      }`;
  const fetchInput = (q: number) => {
    const k = `chunk * ${deep}u + k${q}`, tests = ragged ? [`${k} < ${inVectors}u`] : [];
    const at = ragged ? `min(${k}, ${inVectors - 1}u)` : k;
    return `      next_in${q} = ${pixel(`from${q}`, `valid${q}`, at, ...tests)};`;
  };
  const fetchWeights = (q: number) => {
    const k = `chunk * ${depth}u + weight_row${q}`;
    const row = ragged ? `min(${k}, ${g.input.channels - 1}u)` : k;
    // Past the last input channel the inputs are 0, so any finite weight will do.
    return `      next_w${q} = ${
      weight(`(slice * ${g.input.channels}u + ${row}) * ${outVectors}u + weight_column${q}`)
    };`;
  };

  return matrixShader(tuning, arrays, {
    groups: columnGroups * tiles,
    declarations,
    locate: `  let first_vector = (index % ${columnGroups}u) * ${across}u;
${locate(`index / ${columnGroups}u`)}`,
    left: {
      vectors: rows * deep,
      place: (q) =>
        `  let pixel${q} = min(first + (lane + ${q * threads}u) / ${deep}u, end - 1u);
  let k${q} = (lane + ${q * threads}u) % ${deep}u;
  let left_at${q} = (lane + ${q * threads}u) / ${deep}u * ${left.stride}u + k${q};
${locatePixel(g, `pixel${q}`, q)}
  var from${q}: u32;
${clipped ? `  var valid${q}: bool;\n` : ""}\
  var next_in${q}: vec4<f16>;`,
      fetch: fetchInput,
      keep: (q) => `      ${stageVector(matrix, left, `left_at${q}`, `next_in${q}`)}`,
    },
    right: {
      vectors: depth * across,
      // Threads past the end fetch the last vector again: a valid address, never stored.
      place: (q) =>
        `  let weight${q} = min(lane + ${q * threads}u, ${depth * across - 1}u);
  let weight_row${q} = weight${q} / ${across}u;
  let right_at${q} = weight_row${q} * ${right.stride}u + weight${q} % ${across}u;
  let weight_column${q} = min(first_vector + weight${q} % ${across}u, ${outVectors - 1}u);
  var next_w${q}: vec4<f16>;`,
      fetch: fetchWeights,
      keep: (q) => `      ${stageVector(matrix, right, `right_at${q}`, `next_w${q}`)}`,
    },
    steps, // 0 in a phase of backward-data without taps
    first: (fetch, each) =>
      `  var chunk = 0u;
  var ty = 0;
  var tx = 0;
  var slice = 0u;
  {
${steps === 0 ? "" : `      slice = u32(${sliceOf(g)});\n${each(aim)}\n${fetch}`}
  }`,
    next: (fetch, each) =>
      `    if (step + 1u < ${steps}u) {
      chunk++;
      if (chunk == ${chunks}u) {
        chunk = 0u;
        tx++;
        if (tx == ${g.x.taps}) {
          tx = 0;
          ty++;
        }
      slice = u32(${sliceOf(g)});
${each(aim)}
      }
${fetch}
    }`,
    store: `    let pixel = first + row;
    let column = first_vector + vector;
    if (pixel < end && column < ${outVectors}u) {
${locatePixel(g, "pixel", "")}
      let at = ${outputAt(g, "", outVectors)} + column;
      ${store("at", "sum", bias("column"))}
    }`,
  });
}
