/**
 * A gathering convolution in which every value is loaded once per subgroup and handed to the other lanes by
 * `subgroupBroadcast`, without workgroup memory or barriers. Made for adapters that run on a CPU, where one load costs as
 * much as dozens of multiplications; on a GPU a candidate like the others.
 *
 * A workgroup is one subgroup of `lanes` threads. It holds `rows` pixels by 4 * lanes channels: lane s owns the
 * channels 4s ... 4s+3 of each pixel. For four input channels, lane s loads those of the pixels s, s + lanes, ... and
 * of its four weight rows; each pixel's are then broadcast. `stores` is the number of store sites: more of them store
 * faster, fewer compile faster, since each is dozens of basic blocks on llvmpipe.
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
import { type FloatType, loaded, stored } from "../../dtype.ts";
import { ceilDiv, foldWorkgroups, unroll, WORKGROUP_INDEX } from "../../wgsl.ts";
import type { Shader } from "../../kernel.ts";

export interface BroadcastTuning {
  readonly family: "broadcast";
  readonly rows: number;
  readonly lanes: number;
  readonly stores: number;
}

/** See `productShader` of gather_families.ts. */
export function gatherBroadcastShader(g: GatherConv, { rows, lanes, stores }: BroadcastTuning): Shader {
  const { channels: inChannels } = g.input, { channels: outChannels } = g.output;
  const deep = inChannels % 4 === 0, depth = deep ? 4 : 1, inType = deep ? "vec4f" : "f32";
  const wide = outChannels % 4 === 0, outType = wide ? "vec4f" : "f32";
  const chunks = inChannels / depth, vectors = ceilDiv(outChannels, 4);
  const columnGroups = ceilDiv(vectors, lanes), fragments = rows / lanes;
  const { tiles, locate: locateTile } = pixelTiles(g, rows);
  const clipped = leaves(g);

  /** Four neighbouring channels of an array [.., out]: one vec4, or four clamped scalars. */
  const four = (array: string, row: string, dtype?: FloatType) => {
    if (wide) return loaded(`${array}[${row} * ${vectors}u + column]`, "vec4f", dtype);
    const scalar = (c: number) => `${array}[${row} * ${outChannels}u + min(4u * column + ${c}u, ${outChannels - 1}u)]`;
    return `vec4f(${unroll(4, (c) => loaded(scalar(c), "f32", dtype), ", ")})`;
  };

  const locate = (f: number) =>
    `  let pixel${f} = min(first + ${f * lanes}u + lane, end - 1u);
${locatePixel(g, `pixel${f}`, f)}`;

  const load = (f: number) => {
    const value = loaded(`input[at${f} + k]`, inType, g.dtype);
    return `        let in${f} = ${clipped ? `select(${inType}(), ${value}, inside${f})` : value};`;
  };

  const accumulate = (m: number) => {
    const value = (k: number) =>
      `subgroupBroadcast(in${Math.floor(m / lanes)}${deep ? `.${"xyzw"[k]}` : ""}, ${m % lanes}u)`;
    return `        sum${m} += ${unroll(depth, (k) => `${value(k)} * w${k}`, " + ")};`;
  };

  const storeAt = (to: string, sum: string, b: string) =>
    `output[${to}] = ${stored(`finish(${sum}, ${b}, ${to})`, outType, g.dtype)};`;
  const perSite = rows / stores;
  const store = (site: number) => {
    // Which accumulator a site stores is chosen by selects: an array indexed at run time would live in memory.
    const chosen = unroll(perSite - 1, (r) => `    v = select(v, sum${(r + 1) * stores + site}, r == ${r + 1}u);`);
    return `    v = sum${site};
${chosen}
    pixel = first + r * ${stores}u + ${site}u;
    if (pixel < end && column0 + lane < ${vectors}u) {
    ${locatePixel(g, "pixel", "")}
      let at = ${outputAt(g, "", 1)};
      ${
      wide ? storeAt(`at * ${vectors}u + column`, "v", "b") : unroll(4, (c) => {
        const to = `at * ${outChannels}u + 4u * column + ${c}u`;
        return `if (4u * column + ${c}u < ${outChannels}u) { ${storeAt(to, `v[${c}]`, `b[${c}]`)} }`;
      })
    }
    }`;
  };

  const code = `enable subgroups;
${gatherBindings(g, inType, outType)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = ${WORKGROUP_INDEX};
  if (index >= ${columnGroups * tiles}u) { return; }
  let column0 = (index % ${columnGroups}u) * ${lanes}u;
  let column = min(column0 + lane, ${vectors - 1}u);
${locateTile(`index / ${columnGroups}u`)}
${unroll(fragments, locate)}
${unroll(rows, (m) => `  var sum${m} = vec4f();`)}
  for (var ty = 0; ty < ${g.y.taps}; ty++) {
    for (var tx = 0; tx < ${g.x.taps}; tx++) {
      let slice = u32(${sliceOf(g)});
${unroll(fragments, (f) => tapAddress(g, f, chunks))}
      for (var k = 0u; k < ${chunks}u; k++) {
        let row = (slice * ${chunks}u + k) * ${depth}u;
${unroll(fragments, load)}
${unroll(depth, (k) => `        let w${k} = ${four("weights", `(row + ${k}u)`, g.dtype)};`)}
${unroll(rows, accumulate)}
      }
    }
  }
  let b = ${g.epilogue.bias ? four("bias", "0u") : "vec4f()"};
  var v: vec4f;
  var pixel: u32;
  for (var r = 0u; r < ${perSite}u; r++) {
${unroll(stores, store)}
  }
}
`;
  return { code, workgroups: foldWorkgroups(columnGroups * tiles) };
}
