/**
 * A gathering convolution, register-tiled without workgroup memory: a thread holds `rows` pixels by `vectors` vectors
 * of channels. The `lanes` threads of a row group lie along the channels, so that weights are read side by side and
 * the pixel's address is the same for all of them; `groups` row groups make a workgroup. For channels that are no fours.
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
import { loaded, stored } from "../../dtype.ts";
import { ceilDiv, foldWorkgroups, unroll, WORKGROUP_INDEX } from "../../wgsl.ts";
import type { Shader } from "../../kernel.ts";

export interface DirectTuning {
  readonly family: "direct";
  readonly rows: number;
  readonly vectors: number;
  readonly lanes: number;
  readonly groups: number;
}

/** See `productShader` of gather_families.ts. */
export function gatherDirectShader(g: GatherConv, { rows, vectors, lanes, groups }: DirectTuning): Shader {
  const { channels: inChannels } = g.input, { channels: outChannels } = g.output;
  const wide = outChannels % 4 === 0, deep = inChannels % 4 === 0;
  const depth = deep ? 4 : 1, type = wide ? "vec4f" : "f32", inType = deep ? "vec4f" : "f32";
  const columns = outChannels / (wide ? 4 : 1), chunks = inChannels / depth;
  const columnGroups = ceilDiv(columns, lanes * vectors);
  const { tiles, locate: locateTile } = pixelTiles(g, rows * groups);
  const clipped = leaves(g);
  const column = (v: number) => `min(column + ${v * lanes}u, ${columns - 1}u)`;

  const locate = (m: number) =>
    `  let pixel${m} = min(pixel + ${m}u, end - 1u);
${locatePixel(g, `pixel${m}`, m)}
${unroll(vectors, (v) => `  var sum${m}_${v} = ${type}();`)}`;

  const load = (m: number) => {
    const value = loaded(`input[at${m} + k]`, inType, g.dtype);
    return `        let in${m} = ${clipped ? `select(${inType}(), ${value}, inside${m})` : value};`;
  };

  const accumulate = (k: number) =>
    `${
      unroll(vectors, (v) =>
        `        let w${v}_${k} = ${loaded(`weights[at_w + ${k * columns}u + ${column(v)}]`, type, g.dtype)};`)
    }
${
      unroll(rows, (m) =>
        unroll(vectors, (v) => `        sum${m}_${v} += in${m}${deep ? `.${"xyzw"[k]}` : ""} * w${v}_${k};`))
    }`;

  const store = (m: number) =>
    `  if (pixel + ${m}u < end) {
    let at = ${outputAt(g, m, columns)} + column;
${
      unroll(vectors, (v) => {
        const to = `at + ${v * lanes}u`, b = g.epilogue.bias ? `bias[${column(v)}]` : `${type}()`;
        const value = stored(`finish(sum${m}_${v}, ${b}, ${to})`, type, g.dtype);
        return `    if (column + ${v * lanes}u < ${columns}u) { output[${to}] = ${value}; }`;
      })
    }
  }`;

  const code = `${gatherBindings(g, inType, type)}
@compute @workgroup_size(${lanes}, ${groups})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) local: vec3u) {
  let index = ${WORKGROUP_INDEX};
  if (index >= ${columnGroups * tiles}u) { return; }
  let column = (index % ${columnGroups}u) * ${lanes * vectors}u + local.x;
${locateTile(`index / ${columnGroups}u`)}
  let pixel = first + local.y * ${rows}u;
${unroll(rows, locate)}
  for (var ty = 0; ty < ${g.y.taps}; ty++) {
    for (var tx = 0; tx < ${g.x.taps}; tx++) {
      let slice = u32(${sliceOf(g)});
${unroll(rows, (m) => tapAddress(g, m, chunks))}
      for (var k = 0u; k < ${chunks}u; k++) {
        let at_w = (slice * ${chunks}u + k) * ${depth * columns}u;
${unroll(rows, load)}
${unroll(depth, accumulate)}
      }
    }
  }
${unroll(rows, store)}
}
`;
  return { code, workgroups: foldWorkgroups(columnGroups * tiles) };
}
