/**
 * One share of a weight gradient by broadcasts: a subgroup holds 32 rows (ky, kx, ci) by 4 * lanes columns. For each
 * pixel, lane s loads the inputs of rows 4s ... 4s+3 and the gradients of its columns, and the inputs are broadcast.
 * The subgroups of the first rows also sum the gradients, for the bias.
 */
import { type ConvProblem, tapsOf } from "../../conv_problem.ts";
import { gradientOperands, locateRow } from "../../operands/weight_gradient.ts";
import { type BroadcastWeightTuning, loadColumns, storeColumns, storeSums } from "./lane_columns.ts";
import type { Shader } from "../../../kernel.ts";
import { enableSubgroups, subgroupAttribute } from "../../../subgroups.ts";
import { axesOf } from "../../../per_axis.ts";
import { ceilDiv, LANE, perWorkgroup, unroll } from "../../../wgsl.ts";

/** Pixels handled at once: a divisor of the row, so that none needs a test of its own. */
function pixelsAtOnce(width: number): number {
  return [4, 3, 2].find((count) => width % count === 0) ?? 1;
}

/** Vectors of four rows that a subgroup holds; lanes beyond load what nobody uses. More would not fit into registers. */
export const UNITS = 8;

export function broadcastWeight(
  p: ConvProblem,
  tuning: BroadcastWeightTuning,
  bias: boolean,
): Shader {
  const { lanes, parts, stores } = tuning;
  const deep = p.inChannels % 4 === 0, wide = p.outChannels % 4 === 0;
  const rows = tapsOf(p) * p.inChannels, units = ceilDiv(rows, 4), vectors = ceilDiv(p.outChannels, 4);
  const rowGroups = ceilDiv(units, UNITS), columnGroups = ceilDiv(vectors, lanes), tile = 4 * UNITS;
  const atOnce = pixelsAtOnce(p.outWidth), perRow = p.outWidth / atOnce;
  const chunks = p.batch * p.outHeight * perRow, share = ceilDiv(chunks, parts);
  const [rowTaps, columnTaps] = axesOf(p.kernel), [down, across] = axesOf(p.stride);
  const padded = Math.max(...axesOf(p.padding)) > 0 || (p.outWidth - 1) * across + columnTaps > p.width ||
    (p.outHeight - 1) * down + rowTaps > p.height;
  const apart = deep ? 1 : 4; // rows of a lane that may belong to different taps
  const { declarations: arrays, x, dy, db } = gradientOperands(p, "x", deep ? "vec4f" : "f32", wide ? "vec4f" : "f32");
  const declarations = `${enableSubgroups(tuning)}${arrays}\n${bias ? db : ""}`;

  const place = (r: number) =>
    `  let row${r} = min(4u * unit + ${r}u, ${rows - 1}u);
${locateRow(p, "row", p.inChannels, r)}`;
  const input = (q: number) => {
    const values = Array.from({ length: apart }, (_, r) => {
      const inside = padded ? `iy${r} >= 0 && iy${r} < ${p.height} && ix${r} >= 0 && ix${r} < ${p.width}` : "true";
      const pixel = `(n * ${p.height} + iy${r}) * ${p.width} + ix${r}`;
      const at = `u32(${padded ? `select(0, ${pixel}, ${inside})` : pixel}) * ${p.inChannels}u + ci${r}`;
      const value = x(deep ? `(${at}) / 4u` : at);
      return padded ? `select(${deep ? "vec4f()" : "0.0"}, ${value}, ${inside})` : value;
    });
    return `    var x${q}: vec4f;
    {
${unroll(apart, (r) => `      let ix${r} = (ox + ${q}) * ${across} + kx${r};`)}
      x${q} = ${deep ? values[0]! : `vec4f(${values.join(", ")})`};
    }`;
  };
  const accumulate = (m: number) =>
    `    sum${m} += ${
      unroll(atOnce, (q) => `subgroupBroadcast(x${q}.${"xyzw"[m % 4]}, ${Math.floor(m / 4)}u) * d${q}`, " + ")
    };`;
  const storeIn = (array: string, row: string, value: string) =>
    storeColumns(row, p.outChannels, (to, part) => `${array}[${to}] = ${value}${part};`);

  const gradient = (q: number) => loadColumns(dy, `(u32(row) * ${p.outWidth}u + u32(ox) + ${q}u)`, p.outChannels);
  const store = `    if (out < ${rows}u && column0 + lane < ${vectors}u) {
      out += part * ${rows}u;
      ${storeIn("dw", "out", "v")}
    }`;

  const body = `  let column0 = (index % ${columnGroups}u) * ${lanes}u;
  let column = min(column0 + lane, ${vectors - 1}u);
  let unit0 = (index / ${columnGroups}u) % ${rowGroups}u * ${UNITS}u;
  let unit = unit0 + lane;
  let part = index / ${columnGroups * rowGroups}u;
${unroll(apart, place)}
${unroll(tile, (m) => `  var sum${m} = vec4f();`)}
${bias ? "  var b = vec4f();" : ""}
  for (var chunk = part * ${share}u; chunk < min((part + 1u) * ${share}u, ${chunks}u); chunk++) {
    let row = i32(chunk / ${perRow}u);
    let ox = i32(chunk % ${perRow}u) * ${atOnce};
    let n = row / ${p.outHeight};
    let oy = row % ${p.outHeight};
${unroll(apart, (r) => `    let iy${r} = oy * ${down} + ky${r};`)}
${unroll(atOnce, input)}
${unroll(atOnce, (q) => `    let d${q} = ${gradient(q)};`)}
${unroll(tile, accumulate)}
${bias ? `    if (unit0 == 0u) { b += ${unroll(atOnce, (q) => `d${q}`, " + ")}; }` : ""}
  }
${storeSums({ count: tile, stores }, "out", "4u * unit0", store)}
${bias ? `  if (unit0 == 0u && column0 + lane < ${vectors}u) { ${storeIn("db", "part", "b")} }` : ""}`;
  const count = rowGroups * columnGroups * parts;
  const grid = { count, size: lanes, attributes: subgroupAttribute(tuning) };
  return perWorkgroup({ ...grid, declarations, builtins: LANE }, body);
}
