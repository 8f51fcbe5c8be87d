/**
 * A gathering convolution as implicit GEMM through workgroup memory: a workgroup holds `rows` pixels by `columns`
 * output channels, and steps through taps and input channels `depth` at a time. For each step its threads copy
 * rows x depth inputs and depth x columns weights to workgroup memory, then each thread multiplies `threadRows` rows by
 * `threadVectors` vectors of four columns. A thread's rows and vectors are spread over the tile with the stride of the
 * workgroup, and rows of inputs are padded by one vector, so that neighbouring threads read different banks.
 *
 * Needs input and output channels in fours.
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
import type { Limits, Shader } from "../../kernel.ts";

export interface TiledTuning {
  readonly family: "tiled";
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly threadRows: number;
  readonly threadVectors: number;
}

/** Threads of a workgroup along columns and rows. */
export function tiledThreads({ rows, columns, threadRows, threadVectors }: TiledTuning): [x: number, y: number] {
  return [columns / 4 / threadVectors, rows / threadRows];
}

/** Does the tile fit the device? Counts the padding of gather_tiled.ts, which weight_tiled.ts does without. */
export function tiledFits(t: TiledTuning, limits: Limits): boolean {
  const [x, y] = tiledThreads(t), bytes = 16 * (t.rows * (t.depth / 4 + 1) + t.depth * t.columns / 4);
  return x * y <= limits.workgroupInvocations && bytes <= limits.workgroupStorage;
}

/** `count` vectors copied by `threads` threads: for each round, WGSL given the vector's index, guarded at the end. */
export function copied(count: number, threads: number, each: (round: number, item: string) => string): string {
  return unroll(ceilDiv(count, threads), (round) => {
    const body = each(round, `(lane + ${round * threads}u)`);
    return (round + 1) * threads <= count
      ? body
      : `      if (lane + ${round * threads}u < ${count}u) {\n${body}\n      }`;
  });
}

/** See `productShader` of gather_families.ts. */
export function gatherTiledShader(g: GatherConv, tuning: TiledTuning): Shader {
  const { rows, columns, depth, threadRows, threadVectors } = tuning;
  const [threadsX, threadsY] = tiledThreads(tuning), threads = threadsX * threadsY;
  const deep = depth / 4, stride = deep + 1, across = columns / 4;
  const inVectors = g.input.channels / 4, outVectors = g.output.channels / 4;
  const columnGroups = ceilDiv(outVectors, across), chunks = ceilDiv(inVectors, deep);
  const ragged = inVectors % deep !== 0;
  const { tiles, locate } = pixelTiles(g, rows);
  const clipped = leaves(g);

  const steps = g.y.taps * g.x.taps * chunks;
  const inRounds = ceilDiv(rows * deep, threads), weightRounds = ceilDiv(depth * across, threads);
  /** The round's vector, or, for threads past the end, the last one again: a valid address, never stored. */
  const vector = (round: number, count: number) =>
    (round + 1) * threads <= count ? `(lane + ${round * threads}u)` : `min(lane + ${round * threads}u, ${count - 1}u)`;

  /** Fetches the round's vector of step `step` into `next_in`, or `next_w`. */
  const fetchInput = (q: number) => {
    const k = ragged ? `min(chunk * ${deep}u + k${q}, ${inVectors - 1}u)` : `chunk * ${deep}u + k${q}`;
    const tests = [...(clipped ? [`inside${q}`] : []), ...(ragged ? [`chunk * ${deep}u + k${q} < ${inVectors}u`] : [])];
    const value = loaded(`input[at${q} + ${k}]`, "vec4f", g.dtype);
    return `${tapAddress(g, q, inVectors)}
      next_in${q} = ${tests.length === 0 ? value : `select(vec4f(), ${value}, ${tests.join(" && ")})`};`;
  };
  const fetchWeights = (q: number) => {
    const item = vector(q, depth * across), k = `chunk * ${depth}u + ${item} / ${across}u`;
    const row = ragged ? `min(${k}, ${g.input.channels - 1}u)` : k;
    // Past the last input channel the inputs are 0, so any finite weight will do.
    const column = `min(firstVector + ${item} % ${across}u, ${outVectors - 1}u)`;
    const value = `weights[(slice * ${g.input.channels}u + ${row}) * ${outVectors}u + ${column}]`;
    return `      next_w${q} = ${loaded(value, "vec4f", g.dtype)};`;
  };
  const fetch = (step: string) =>
    `    {
      let chunk = ${step} % ${chunks}u;
      let ty = i32(${step} / ${Math.max(1, chunks * g.x.taps)}u);
      let tx = i32(${step} / ${chunks}u % ${Math.max(1, g.x.taps)}u);
      let slice = u32(${sliceOf(g)});
${unroll(inRounds, fetchInput)}
${unroll(weightRounds, fetchWeights)}
    }`;
  const keepInput = (q: number, item: string) => `      inputs[${item} / ${deep}u * ${stride}u + k${q}] = next_in${q};`;
  const keepWeights = (q: number, item: string) => `      columns[${item}] = next_w${q};`;

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
      unroll(threadVectors, (v) => {
        const value = stored(`finish(sum${m}_${v}, b${v}, at + vector${v})`, "vec4f", g.dtype);
        return `    if (vector${v} < ${outVectors}u) { output[at + vector${v}] = ${value}; }`;
      })
    }
  }`;

  const code = `${gatherBindings(g, "vec4f", "vec4f")}
var<workgroup> inputs: array<vec4f, ${rows * stride}>;
var<workgroup> columns: array<vec4f, ${depth * across}>;
@compute @workgroup_size(${threadsX}, ${threadsY})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = ${WORKGROUP_INDEX};
  if (index >= ${columnGroups * tiles}u) { return; }
  let firstVector = (index % ${columnGroups}u) * ${across}u;
${locate(`index / ${columnGroups}u`)}
${
    unroll(inRounds, (q) =>
      `  let pixel${q} = min(first + (lane + ${q * threads}u) / ${deep}u, end - 1u);
  let k${q} = (lane + ${q * threads}u) % ${deep}u;
${locatePixel(g, `pixel${q}`, q)}`)
  }
${unroll(threadRows, (m) => unroll(threadVectors, (v) => `  var sum${m}_${v} = vec4f();`))}
${unroll(inRounds, (q) => `  var next_in${q}: vec4f;`)}
${unroll(weightRounds, (q) => `  var next_w${q}: vec4f;`)}
${
    // A phase of backward-data may have no taps; its loop then only names the bindings.
    `${steps === 0 ? "" : fetch("0u")}
  for (var step = 0u; step < ${steps}u; step++) {
    workgroupBarrier();
${copied(rows * deep, threads, keepInput)}
${copied(depth * across, threads, keepWeights)}
    workgroupBarrier();
    // The next step's loads are under way while this one multiplies; the last step fetches itself again.
    let following = min(step + 1u, ${Math.max(1, steps) - 1}u);
${fetch("following")}
    for (var k = 0u; k < ${deep}u; k++) {
${unroll(threadRows, (m) => `          let in${m} = inputs[(local.y + ${m * threadsY}u) * ${stride}u + k];`)}
${unroll(4, multiply)}
    }
  }`}
${unroll(threadVectors, (v) => `  let vector${v} = firstVector + local.x + ${v * threadsX}u;`)}
${
    unroll(threadVectors, (v) =>
      `  let b${v} = ${g.epilogue.bias ? `bias[min(vector${v}, ${outVectors - 1}u)]` : "vec4f()"};`)
  }
${unroll(threadRows, store)}
}
`;
  return { code, workgroups: foldWorkgroups(columnGroups * tiles) };
}
