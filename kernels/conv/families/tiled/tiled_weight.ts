/**
 * One share of a weight gradient through workgroup memory, whose steps go through the share's pixels. The workgroups of
 * the first rows also sum the gradients' columns, for the bias. Needs `threadRows` in fours.
 */
import type { ConvProblem } from "../../conv_problem.ts";
import { gradientFetch, type GradientTile } from "../../operands/gradient_fetch.ts";
import { gradientOperands, gradientTiles } from "../../operands/weight_gradient.ts";
import type { WeightTuning } from "../family.ts";
import { keptInRounds, stagedShader } from "../staged.ts";
import { shared, tiledThreads, type TiledTuning } from "./tiled_tuning.ts";
import type { Shader } from "../../../kernel.ts";
import { ceilDiv, LANE, LOCAL, unroll } from "../../../wgsl.ts";

/** Pixels of a round of the inner loop: counting, and waiting for its loads, is shared by so many. */
const UNROLLED = 8;

/** What a workgroup stages. */
export function gradientTile(tuning: TiledTuning): GradientTile {
  const { rows, columns, depth } = tuning, [x, y] = tiledThreads(tuning);
  return { down: rows / 4, across: columns / 4, depth, threads: x * y, vector: "vec4f" };
}

export function tiledWeight(p: ConvProblem, tuning: TiledTuning & WeightTuning, bias: boolean): Shader {
  const { depth, threadRows, threadVectors, parts } = tuning, tile = gradientTile(tuning);
  const [threadsX, threadsY] = tiledThreads(tuning), { down, across, threads } = tile, threadUnits = threadRows / 4;
  const inputs = depth * down, gradients = depth * across, tiles = gradientTiles(p, down, across, parts);
  const { outVectors, units, share, groups: count } = tiles;
  const operands = gradientOperands(p, "input", "vec4f", "vec4f");
  const of = gradientFetch(p, tiles, operands, tile);

  const multiply = (u: number) =>
    unroll(4, (r) => unroll(threadVectors, (v) => `      sum${4 * u + r}_${v} += in${u}.${"xyzw"[r]} * d${v};`));
  const multiplyPixel = (j: number) =>
    `    {
${unroll(threadUnits, (u) => `      let in${u} = inputs[at + ${j * down + u * threadsY}u];`)}
${unroll(threadVectors, (v) => `      let d${v} = gradients[at_d + ${j * across + v * threadsX}u];`)}
${unroll(threadUnits, multiply)}
    }`;
  const store = (m: number) => {
    const storeVector = (v: number) =>
      `    if (unit < ${units}u && vector${v} < ${outVectors}u) {
      dw[${tiles.sumAt(`${m % 4}u`, `vector${v}`)}] = sum${m}_${v};
    }`;
    return `  {
    let unit = first_unit + local.y + ${Math.floor(m / 4) * threadsY}u;
${unroll(threadVectors, storeVector)}
  }`;
  };

  const declarations = `${operands.declarations}\n${bias ? operands.db : ""}
${shared("inputs", inputs)}\n${shared("gradients", gradients)}`;
  return stagedShader({ count, size: `${threadsX}, ${threadsY}`, declarations, builtins: `${LOCAL}, ${LANE}` }, {
    start: `${tiles.locate("first_vector", "first_unit")}
${of.place}
${unroll(threadRows, (m) => unroll(threadVectors, (v) => `  var sum${m}_${v} = vec4f();`))}
${bias ? of.bias.declare : ""}
${of.fetch}`,
    steps: ceilDiv(share, depth),
    keep: `${keptInRounds(inputs, threads, (q, item) => `    inputs[${item}] = next_x${q};`)}
${keptInRounds(gradients, threads, (q, item) => `    gradients[${item}] = next_d${q};`)}`,
    next: `    // The next step's loads are under way while this one multiplies.
${of.advance}
${of.fetch}
${bias ? of.bias.sum((k, column) => `gradients[${k} * ${across}u + ${column}]`) : ""}`,
    multiply: `    for (var k = 0u; k < ${depth}u; k += ${UNROLLED}u) {
      let at = k * ${down}u + local.y;
      let at_d = k * ${across}u + local.x;
${unroll(UNROLLED, multiplyPixel)}
    }`,
    store: `${unroll(threadVectors, (v) => `  let vector${v} = first_vector + local.x + ${v * threadsX}u;`)}
${unroll(threadRows, store)}
${bias ? of.bias.store : ""}`,
  });
}
