/**
 * Products of pixels through workgroup memory: implicit GEMM, whose steps go through taps and input channels. Rows of
 * inputs are padded by one vector, so that neighbouring threads read different banks.
 */
import { type PixelProduct, productOperands } from "../../operands/pixel_product.ts";
import { inRounds, keptInRounds, stagedShader } from "../staged.ts";
import { shared, tiledThreads, type TiledTuning } from "./tiled_tuning.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv, LANE, LOCAL, unroll } from "../../../wgsl.ts";

export function tiledProduct(g: PixelProduct, tuning: TiledTuning): Shader {
  const { rows, columns, depth, threadRows, threadVectors } = tuning;
  const [threadsX, threadsY] = tiledThreads(tuning), threads = threadsX * threadsY;
  const deep = depth / 4, stride = deep + 1, across = columns / 4, inputs = rows * deep, weights = depth * across;
  const inVectors = g.input.channels / 4, outVectors = g.output.channels / 4;
  const columnGroups = ceilDiv(outVectors, across), chunks = ceilDiv(inVectors, deep);
  const ragged = inVectors % deep !== 0, steps = g.y.taps * g.x.taps * chunks;
  const of = productOperands(g, "vec4f", "vec4f"), { tiles, locate } = of.tilesOf(rows);

  const fetchInput = (q: number) => {
    const k = ragged ? `min(chunk * ${deep}u + k${q}, ${inVectors - 1}u)` : `chunk * ${deep}u + k${q}`;
    const tests = ragged ? [`chunk * ${deep}u + k${q} < ${inVectors}u`] : [];
    return `${of.tap(q, inVectors)}
      next_in${q} = ${of.pixel(`at${q}`, `inside${q}`, k, ...tests)};`;
  };
  const fetchWeights = (q: number) => {
    // Threads past the end fetch the last vector again: a valid address, never stored.
    const lane = `lane + ${q * threads}u`,
      item = (q + 1) * threads <= weights ? `(${lane})` : `min(${lane}, ${weights - 1}u)`;
    const k = `chunk * ${depth}u + ${item} / ${across}u`;
    const row = ragged ? `min(${k}, ${g.input.channels - 1}u)` : k;
    // Past the last input channel the inputs are 0, so any finite weight will do.
    const column = `min(firstVector + ${item} % ${across}u, ${outVectors - 1}u)`;
    return `      next_w${q} = ${of.weight(`(slice * ${g.input.channels}u + ${row}) * ${outVectors}u + ${column}`)};`;
  };
  const fetch = (step: string) =>
    `    {
      let chunk = ${step} % ${chunks}u;
      let ty = i32(${step} / ${Math.max(1, chunks * g.x.taps)}u);
      let tx = i32(${step} / ${chunks}u % ${Math.max(1, g.x.taps)}u);
      let slice = u32(${of.slice});
${inRounds(inputs, threads, fetchInput)}
${inRounds(weights, threads, fetchWeights)}
    }`;
  const place = (q: number) =>
    `  let pixel${q} = min(first + (lane + ${q * threads}u) / ${deep}u, end - 1u);
  let k${q} = (lane + ${q * threads}u) % ${deep}u;
${of.locate(`pixel${q}`, q)}`;

  const multiply = (k: number) => {
    const weight = (v: number) => `columns[(4u * k + ${k}u) * ${across}u + local.x + ${v * threadsX}u]`;
    const add = (m: number, v: number) => `          sum${m}_${v} += in${m}.${"xyzw"[k]} * w${v}_${k};`;
    return `${unroll(threadVectors, (v) => `          let w${v}_${k} = ${weight(v)};`)}
${unroll(threadRows, (m) => unroll(threadVectors, (v) => add(m, v)))}`;
  };
  const store = (m: number) => {
    const storeVector = (v: number) => of.store(`at + vector${v}`, `sum${m}_${v}`, `b${v}`);
    return `  let pixel_${m} = first + local.y + ${m * threadsY}u;
  if (pixel_${m} < end) {
  ${of.locate(`pixel_${m}`, `_${m}`)}
    let at = ${of.outputAt(`_${m}`, outVectors)};
${unroll(threadVectors, (v) => `    if (vector${v} < ${outVectors}u) { ${storeVector(v)} }`)}
  }`;
  };

  const declarations = `${of.declarations}\n${shared("inputs", rows * stride)}\n${shared("columns", weights)}`;
  const builtins = `${LOCAL}, ${LANE}`, size = `${threadsX}, ${threadsY}`;
  return stagedShader({ count: columnGroups * tiles, size, declarations, builtins }, {
    start: `  let firstVector = (index % ${columnGroups}u) * ${across}u;
${locate(`index / ${columnGroups}u`)}
${inRounds(inputs, threads, place)}
${unroll(threadRows, (m) => unroll(threadVectors, (v) => `  var sum${m}_${v} = vec4f();`))}
${inRounds(inputs, threads, (q) => `  var next_in${q}: vec4f;`)}
${inRounds(weights, threads, (q) => `  var next_w${q}: vec4f;`)}
${steps === 0 ? "" : fetch("0u")}`, // a phase of backward-data may have no taps; its loop then only names the bindings
    steps,
    keep: `\
${keptInRounds(inputs, threads, (q, item) => `      inputs[${item} / ${deep}u * ${stride}u + k${q}] = next_in${q};`)}
${keptInRounds(weights, threads, (q, item) => `      columns[${item}] = next_w${q};`)}`,
    next: `    // The next step's loads are under way while this one multiplies; the last step fetches itself again.
    let following = min(step + 1u, ${Math.max(1, steps) - 1}u);
${fetch("following")}`,
    multiply: `    for (var k = 0u; k < ${deep}u; k++) {
${unroll(threadRows, (m) => `          let in${m} = inputs[(local.y + ${m * threadsY}u) * ${stride}u + k];`)}
${unroll(4, multiply)}
    }`,
    store: `${unroll(threadVectors, (v) => `  let vector${v} = firstVector + local.x + ${v * threadsX}u;`)}
${unroll(threadVectors, (v) => `  let b${v} = ${of.bias(`min(vector${v}, ${outVectors - 1}u)`)};`)}
${unroll(threadRows, store)}`,
  });
}
