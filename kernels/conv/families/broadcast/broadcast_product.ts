/**
 * Products of pixels by broadcasts: a subgroup holds `rows` pixels by 4 * lanes channels. For four input channels, lane s
 * loads those of the pixels s, s + lanes, ... and of its four weight rows; each pixel's are then broadcast. Lanes beyond
 * the rows load pixels that nobody uses.
 */
import { type PixelProduct, productOperands } from "../../operands/pixel_product.ts";
import { type BroadcastTuning, loadColumns, storeColumns, storeSums } from "./lane_columns.ts";
import type { Shader } from "../../../kernel.ts";
import { enableSubgroups, subgroupAttribute } from "../../../subgroups.ts";
import { ceilDiv, LANE, perWorkgroup, unroll } from "../../../wgsl.ts";

export function broadcastProduct(g: PixelProduct, tuning: BroadcastTuning): Shader {
  const { rows, lanes, stores } = tuning;
  const { channels: inChannels } = g.input, { channels: outChannels } = g.output;
  const deep = inChannels % 4 === 0, depth = deep ? 4 : 1, chunks = inChannels / depth;
  const vectors = ceilDiv(outChannels, 4), columnGroups = ceilDiv(vectors, lanes), fragments = ceilDiv(rows, lanes);
  const of = productOperands(g, deep ? "vec4f" : "f32", outChannels % 4 === 0 ? "vec4f" : "f32");
  const { tiles, locate } = of.tilesOf(rows), declarations = `${enableSubgroups(tuning)}${of.declarations}`;

  const place = (f: number) =>
    `  let pixel${f} = min(first + ${f * lanes}u + lane, end - 1u);
${of.locate(`pixel${f}`, f)}`;
  const accumulate = (m: number) => {
    const value = (k: number) =>
      `subgroupBroadcast(in${Math.floor(m / lanes)}${deep ? `.${"xyzw"[k]}` : ""}, ${m % lanes}u)`;
    return `        sum${m} += ${unroll(depth, (k) => `${value(k)} * w${k}`, " + ")};`;
  };
  const store = `    if (pixel < end && column0 + lane < ${vectors}u) {
    ${of.locate("pixel", "")}
      let at = ${of.outputAt("", 1)};
      ${storeColumns("at", outChannels, (to, part) => of.store(to, `v${part}`, `b${part}`))}
    }`;

  const body = `  let column0 = (index % ${columnGroups}u) * ${lanes}u;
  let column = min(column0 + lane, ${vectors - 1}u);
${locate(`index / ${columnGroups}u`)}
${unroll(fragments, place)}
${unroll(rows, (m) => `  var sum${m} = vec4f();`)}
  for (var ty = 0; ty < ${g.y.taps}; ty++) {
    for (var tx = 0; tx < ${g.x.taps}; tx++) {
      let slice = u32(${of.slice});
${unroll(fragments, (f) => of.tap(f, chunks))}
      for (var k = 0u; k < ${chunks}u; k++) {
        let row = (slice * ${chunks}u + k) * ${depth}u;
${unroll(fragments, (f) => `        let in${f} = ${of.pixel(`at${f}`, `inside${f}`, "k")};`)}
${unroll(depth, (k) => `        let w${k} = ${loadColumns(of.weight, `(row + ${k}u)`, outChannels)};`)}
${unroll(rows, accumulate)}
      }
    }
  }
  let b = ${g.epilogue.bias ? loadColumns(of.bias, "0u", outChannels) : "vec4f()"};
${storeSums({ count: rows, stores }, "pixel", "first", store)}`;
  const grid = { count: columnGroups * tiles, size: lanes, attributes: subgroupAttribute(tuning) };
  return perWorkgroup({ ...grid, declarations, builtins: LANE }, body);
}
