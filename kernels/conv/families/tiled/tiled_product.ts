/**
 * Products of pixels through workgroup memory (tile.ts): implicit GEMM, whose steps go through taps and input channels.
 * Rows of inputs are padded by one vector, so that neighbouring threads read different banks.
 */
import {
  locatePixel,
  outputAt,
  type PixelProduct,
  pixelTiles,
  productOperands,
  sliceOf,
  tapAddress,
} from "../../operands/pixel_product.ts";
import { tiledShader, tiledThreads, type TiledTuning } from "./tile.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv, unroll } from "../../../wgsl.ts";

export function tiledProduct(g: PixelProduct, tuning: TiledTuning): Shader {
  const { rows, columns, depth, threadRows, threadVectors } = tuning;
  const [threadsX, threadsY] = tiledThreads(tuning), threads = threadsX * threadsY;
  const deep = depth / 4, stride = deep + 1, across = columns / 4;
  const inVectors = g.input.channels / 4, outVectors = g.output.channels / 4;
  const columnGroups = ceilDiv(outVectors, across), chunks = ceilDiv(inVectors, deep);
  const ragged = inVectors % deep !== 0, steps = g.y.taps * g.x.taps * chunks;
  const { tiles, locate } = pixelTiles(g, rows);
  const { declarations, pixel, weight, bias, store: storeAt } = productOperands(g, "vec4f", "vec4f");

  const fetchInput = (q: number) => {
    const k = ragged ? `min(chunk * ${deep}u + k${q}, ${inVectors - 1}u)` : `chunk * ${deep}u + k${q}`;
    const tests = ragged ? [`chunk * ${deep}u + k${q} < ${inVectors}u`] : [];
    return `${tapAddress(g, q, inVectors)}
      next_in${q} = ${pixel(`at${q}`, `inside${q}`, k, ...tests)};`;
  };
  const fetchWeights = (q: number) => {
    // Threads past the end fetch the last vector again: a valid address, never stored.
    const item = (q + 1) * threads <= depth * across
      ? `(lane + ${q * threads}u)`
      : `min(lane + ${q * threads}u, ${depth * across - 1}u)`;
    const k = `chunk * ${depth}u + ${item} / ${across}u`;
    const row = ragged ? `min(${k}, ${g.input.channels - 1}u)` : k;
    // Past the last input channel the inputs are 0, so any finite weight will do.
    const column = `min(firstVector + ${item} % ${across}u, ${outVectors - 1}u)`;
    return `      next_w${q} = ${weight(`(slice * ${g.input.channels}u + ${row}) * ${outVectors}u + ${column}`)};`;
  };

  const multiply = (k: number) =>
    `${
      unroll(threadVectors, (v) =>
        `          let w${v}_${k} = columns[(4u * k + ${k}u) * ${across}u + local.x + ${v * threadsX}u];`)
    }
${
      unroll(threadRows, (m) =>
        unroll(threadVectors, (v) => `          sum${m}_${v} += in${m}.${"xyzw"[k]} * w${v}_${k};`))
    }`;

  const store = (m: number) =>
    `  let pixel_${m} = first + local.y + ${m * threadsY}u;
  if (pixel_${m} < end) {
  ${locatePixel(g, `pixel_${m}`, `_${m}`)}
    let at = ${outputAt(g, `_${m}`, outVectors)};
${
      unroll(
        threadVectors,
        (v) => `    if (vector${v} < ${outVectors}u) { ${storeAt(`at + vector${v}`, `sum${m}_${v}`, `b${v}`)} }`,
      )
    }
  }`;

  return tiledShader(tuning, {
    groups: columnGroups * tiles,
    declarations,
    locate: `  let firstVector = (index % ${columnGroups}u) * ${across}u;
${locate(`index / ${columnGroups}u`)}`,
    left: {
      ...{ array: "inputs", size: rows * stride, next: "next_in", vectors: rows * deep },
      place: (q) =>
        `  let pixel${q} = min(first + (lane + ${q * threads}u) / ${deep}u, end - 1u);
  let k${q} = (lane + ${q * threads}u) % ${deep}u;
${locatePixel(g, `pixel${q}`, q)}`,
      fetch: fetchInput,
      keep: (q, item) => `      inputs[${item} / ${deep}u * ${stride}u + k${q}] = next_in${q};`,
    },
    right: {
      ...{ array: "columns", size: depth * across, next: "next_w", vectors: depth * across },
      place: () => "",
      fetch: fetchWeights,
      keep: (q, item) => `      columns[${item}] = next_w${q};`,
    },
    steps, // 0 in a phase of backward-data without taps: the loop then only names the bindings
    fetch: (step, loads) =>
      `    {
      let chunk = ${step} % ${chunks}u;
      let ty = i32(${step} / ${Math.max(1, chunks * g.x.taps)}u);
      let tx = i32(${step} / ${chunks}u % ${Math.max(1, g.x.taps)}u);
      let slice = u32(${sliceOf(g)});
${loads}
    }`,
    following: {
      step: "following",
      note: `the last step fetches itself again.
    let following = min(step + 1u, ${Math.max(1, steps) - 1}u);`,
    },
    deep,
    multiply: `\
${unroll(threadRows, (m) => `          let in${m} = inputs[(local.y + ${m * threadsY}u) * ${stride}u + k];`)}
${unroll(4, multiply)}`,
    store: `${unroll(threadVectors, (v) => `  let b${v} = ${bias(`min(vector${v}, ${outVectors - 1}u)`)};`)}
${unroll(threadRows, store)}`,
  });
}
