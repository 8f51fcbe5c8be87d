/**
 * One share of a weight gradient through workgroup memory (tile.ts), whose steps go through the share's pixels. The
 * workgroups of the first rows also sum the gradients' columns, for the bias. Needs `threadRows` in fours.
 */
import type { ConvProblem } from "../../conv_problem.ts";
import { gradientOperands, gradientTiles, locateRow, tapOf } from "../../operands/weight_gradient.ts";
import { tiledShader, tiledThreads, type TiledTuning } from "./tile.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv, unroll } from "../../../wgsl.ts";

export interface TiledWeightTuning extends TiledTuning {
  readonly parts: number;
}

export function tiledWeight(p: ConvProblem, tuning: TiledWeightTuning, bias: boolean): Shader {
  const { rows, columns, depth, threadRows, threadVectors, parts } = tuning;
  const [threadsX, threadsY] = tiledThreads(tuning), threads = threadsX * threadsY;
  const down = rows / 4, across = columns / 4, threadUnits = threadRows / 4;
  const tiles = gradientTiles(p, down, across, parts), { inVectors, outVectors, units, pixels } = tiles;
  const { declarations, x, dy, db } = gradientOperands(p, "input", "vec4f", "vec4f");

  /** With one tap and no padding, pixels of input and output are the same. */
  const same = p.kernel === 1 && p.stride === 1 && p.padding === 0 && p.outHeight === p.height &&
    p.outWidth === p.width;
  const tap = (q: number) =>
    tapOf(p, q, {
      oy: `i32(pixel / ${p.outWidth}u % ${p.outHeight}u)`,
      ox: `i32(pixel % ${p.outWidth}u)`,
      n: "n",
      pixel: "pixel",
      locate: `      let n = i32(pixel / ${p.outHeight * p.outWidth}u);\n`,
    });
  const fetchInput = (q: number, step: string) =>
    `    {
      let pixel = begin + ${step} * ${depth}u + (lane + ${q * threads}u) / ${down}u;
${same ? "" : `${tap(q)}\n`}\
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

  const multiply = (u: number) =>
    unroll(4, (r) => unroll(threadVectors, (v) => `      sum${4 * u + r}_${v} += in${u}.${"xyzw"[r]} * d${v};`));

  const store = (m: number) =>
    `  {
    let unit = firstUnit + local.y + ${Math.floor(m / 4) * threadsY}u;
${
      unroll(threadVectors, (v) =>
        `    if (unit < ${units}u && vector${v} < ${outVectors}u) {
      dw[${tiles.sumAt(`${m % 4}u`, `vector${v}`)}] = sum${m}_${v};
    }`)
    }
  }`;
  const storeBias = (v: number) =>
    `  if (firstUnit == 0u && local.y == 0u && vector${v} < ${outVectors}u) { db[part * ${outVectors}u + vector${v}] = db${v}; }`;

  return tiledShader(tuning, {
    groups: tiles.groups,
    declarations: `${declarations}\n${bias ? db : ""}`,
    locate: tiles.locate("firstVector", "firstUnit"),
    left: {
      ...{ array: "inputs", size: depth * down, next: "next_x", vectors: depth * down },
      place: (q) =>
        `  let unit${q} = min(firstUnit + (lane + ${q * threads}u) % ${down}u, ${units - 1}u);
${locateRow(p, "unit", inVectors, q)}`,
      fetch: fetchInput,
      keep: (q, item) => `    inputs[${item}] = next_x${q};`,
    },
    right: {
      ...{ array: "gradients", size: depth * across, next: "next_d", vectors: depth * across },
      place: () => "",
      fetch: fetchGradient,
      keep: (q, item) => `    gradients[${item}] = next_d${q};`,
    },
    moreSums: bias ? unroll(threadVectors, (v) => `  var db${v} = vec4f();`) : "",
    steps: ceilDiv(tiles.share, depth),
    fetch: (_step, loads) => loads,
    following: { step: "(step + 1u)", note: "past the end they are masked." },
    deep: depth,
    multiply: `\
${unroll(threadUnits, (u) => `      let in${u} = inputs[k * ${down}u + local.y + ${u * threadsY}u];`)}
${unroll(threadVectors, (v) => `      let d${v} = gradients[k * ${across}u + local.x + ${v * threadsX}u];`)}
${unroll(threadUnits, multiply)}
${bias ? `      if (firstUnit == 0u) { ${unroll(threadVectors, (v) => `db${v} += d${v};`, " ")} }` : ""}`,
    store: `${unroll(threadRows, store)}
${bias ? unroll(threadVectors, storeBias) : ""}`,
  });
}
