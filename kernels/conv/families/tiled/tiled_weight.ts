/**
 * One share of a weight gradient through workgroup memory, whose steps go through the share's pixels. The workgroups of
 * the first rows also sum the gradients' columns, for the bias. Needs `threadRows` in fours.
 */
import type { ConvProblem } from "../../conv_problem.ts";
import { gradientOperands, gradientTiles, locateRow, tapOf } from "../../operands/weight_gradient.ts";
import type { WeightTuning } from "../family.ts";
import { inRounds, keptInRounds, stagedShader } from "../staged.ts";
import { shared, tiledThreads, type TiledTuning } from "./tiled_tuning.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv, LANE, LOCAL, unroll } from "../../../wgsl.ts";

export function tiledWeight(p: ConvProblem, tuning: TiledTuning & WeightTuning, bias: boolean): Shader {
  const { rows, columns, depth, threadRows, threadVectors, parts } = tuning;
  const [threadsX, threadsY] = tiledThreads(tuning), threads = threadsX * threadsY;
  const down = rows / 4, across = columns / 4, threadUnits = threadRows / 4;
  const inputs = depth * down, gradients = depth * across, tiles = gradientTiles(p, down, across, parts);
  const { inVectors, outVectors, units, pixels, share, groups: count } = tiles;
  const { declarations: arrays, x, dy, db } = gradientOperands(p, "input", "vec4f", "vec4f");

  /** With one tap and no padding, pixels of input and output are the same. */
  const same = p.kernel === 1 && p.stride === 1 && p.padding === 0 && p.outHeight === p.height &&
    p.outWidth === p.width;
  const tap = {
    oy: `i32(pixel / ${p.outWidth}u % ${p.outHeight}u)`,
    ox: `i32(pixel % ${p.outWidth}u)`,
    n: "n",
    line: `      let n = i32(pixel / ${p.outHeight * p.outWidth}u);\n`,
  };
  const fetchInput = (q: number, step: string) =>
    `    {
      let pixel = begin + ${step} * ${depth}u + (lane + ${q * threads}u) / ${down}u;
${same ? "" : `${tapOf(p, q, "pixel", tap)}\n`}\
      next_x${q} = ${
      same ? x(`min(pixel, ${pixels - 1}u) * ${inVectors}u + ci${q}`, "pixel < end") : x("at", "inside")
    };
    }`;
  const fetchGradient = (q: number, step: string) =>
    `    {
      let item = lane + ${q * threads}u;
      let pixel = begin + ${step} * ${depth}u + item / ${across}u;
      let column = min(firstVector + item % ${across}u, ${outVectors - 1}u);
      next_d${q} = ${dy(`min(pixel, ${pixels - 1}u) * ${outVectors}u + column`, "pixel < end")};
    }`;
  const fetch = (step: string) =>
    `${inRounds(inputs, threads, (q) => fetchInput(q, step))}
${inRounds(gradients, threads, (q) => fetchGradient(q, step))}`;
  const place = (q: number) =>
    `  let unit${q} = min(firstUnit + (lane + ${q * threads}u) % ${down}u, ${units - 1}u);
${locateRow(p, "unit", inVectors, q)}`;

  const multiply = (u: number) =>
    unroll(4, (r) => unroll(threadVectors, (v) => `      sum${4 * u + r}_${v} += in${u}.${"xyzw"[r]} * d${v};`));
  const store = (m: number) => {
    const storeVector = (v: number) =>
      `    if (unit < ${units}u && vector${v} < ${outVectors}u) {
      dw[${tiles.sumAt(`${m % 4}u`, `vector${v}`)}] = sum${m}_${v};
    }`;
    return `  {
    let unit = firstUnit + local.y + ${Math.floor(m / 4) * threadsY}u;
${unroll(threadVectors, storeVector)}
  }`;
  };
  const storeBias = (v: number) =>
    `  if (firstUnit == 0u && local.y == 0u && vector${v} < ${outVectors}u) { db[part * ${outVectors}u + vector${v}] = db${v}; }`;

  const declarations = `${arrays}\n${bias ? db : ""}\n${shared("inputs", inputs)}\n${shared("gradients", gradients)}`;
  return stagedShader({ count, size: `${threadsX}, ${threadsY}`, declarations, builtins: `${LOCAL}, ${LANE}` }, {
    start: `${tiles.locate("firstVector", "firstUnit")}
${inRounds(inputs, threads, place)}
${unroll(threadRows, (m) => unroll(threadVectors, (v) => `  var sum${m}_${v} = vec4f();`))}
${bias ? unroll(threadVectors, (v) => `  var db${v} = vec4f();`) : ""}
${inRounds(inputs, threads, (q) => `  var next_x${q}: vec4f;`)}
${inRounds(gradients, threads, (q) => `  var next_d${q}: vec4f;`)}
${fetch("0u")}`,
    steps: ceilDiv(share, depth),
    keep: `${keptInRounds(inputs, threads, (q, item) => `    inputs[${item}] = next_x${q};`)}
${keptInRounds(gradients, threads, (q, item) => `    gradients[${item}] = next_d${q};`)}`,
    next: `    // The next step's loads are under way while this one multiplies; past the end they are masked.
${fetch("(step + 1u)")}`,
    multiply: `    for (var k = 0u; k < ${depth}u; k++) {
${unroll(threadUnits, (u) => `      let in${u} = inputs[k * ${down}u + local.y + ${u * threadsY}u];`)}
${unroll(threadVectors, (v) => `      let d${v} = gradients[k * ${across}u + local.x + ${v * threadsX}u];`)}
${unroll(threadUnits, multiply)}
${bias ? `      if (firstUnit == 0u) { ${unroll(threadVectors, (v) => `db${v} += d${v};`, " ")} }` : ""}
    }`,
    store: `${unroll(threadVectors, (v) => `  let vector${v} = firstVector + local.x + ${v * threadsX}u;`)}
${unroll(threadRows, store)}
${bias ? unroll(threadVectors, storeBias) : ""}`,
  });
}
