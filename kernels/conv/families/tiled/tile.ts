/**
 * Matrix products through workgroup memory: a workgroup holds `rows` by `columns` sums, and steps through the inner
 * dimension `depth` at a time. For each step its threads copy rows x depth of the left and depth x columns of the right
 * operand to workgroup memory, then each multiplies `threadRows` rows by `threadVectors` vectors of four columns. A
 * thread's rows and vectors are spread over the tile with the stride of the workgroup.
 */
import { type Staged, staging } from "../../operands/staged.ts";
import type { Shader } from "../../../kernel.ts";
import { LANE, LOCAL, perWorkgroup, unroll } from "../../../wgsl.ts";

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

/** An operand, the array of workgroup memory that it is kept in, and what the variables that hold it before begin with. */
export interface TiledOperand extends Staged {
  readonly array: string;
  readonly size: number;
  readonly next: string;
}

/** What differs between problems, as WGSL. */
export interface TiledParts {
  readonly groups: number;
  readonly declarations: string;
  /** Finds the tile from `index`, its first column as `firstVector`. */
  readonly locate: string;
  readonly left: TiledOperand;
  readonly right: TiledOperand;
  /** Declares sums beside those of the tile. */
  readonly moreSums?: string;
  readonly steps: number;
  /** What surrounds the loads of a step. */
  readonly fetch: (step: string, loads: string) => string;
  /** What a step fetches while it multiplies, and what of that is not used. */
  readonly following: { readonly step: string; readonly note: string };
  /** Multiplies step `k` of `deep` that workgroup memory holds. */
  readonly deep: number;
  readonly multiply: string;
  /** Stores the sums; `vector0`, ... are the thread's columns. */
  readonly store: string;
}

export function tiledShader(tuning: TiledTuning, parts: TiledParts): Shader {
  const { threadRows, threadVectors } = tuning, { left, right, steps, fetch, following } = parts;
  const [threadsX, threadsY] = tiledThreads(tuning), threads = threadsX * threadsY;
  const staged = [staging(left, threads), staging(right, threads)] as const;
  const loads = (step: string) => fetch(step, staged.map((operand) => operand.fetch(step)).join("\n"));
  const declared = ({ array, size }: TiledOperand) => `var<workgroup> ${array}: array<vec4f, ${size}>;`;
  const arrays = `${parts.declarations}\n${declared(left)}\n${declared(right)}`;
  return perWorkgroup(
    parts.groups,
    `${threadsX}, ${threadsY}`,
    arrays,
    `${LOCAL}, ${LANE}`,
    `\
${parts.locate}
${staged[0].place}
${unroll(threadRows, (m) => unroll(threadVectors, (v) => `  var sum${m}_${v} = vec4f();`))}
${parts.moreSums === undefined ? "" : `${parts.moreSums}\n`}\
${staged[0].each((q) => `  var ${left.next}${q}: vec4f;`)}
${staged[1].each((q) => `  var ${right.next}${q}: vec4f;`)}
${steps === 0 ? "" : loads("0u")}
  for (var step = 0u; step < ${steps}u; step++) {
    workgroupBarrier();
${staged[0].keep}
${staged[1].keep}
    workgroupBarrier();
    // The next step's loads are under way while this one multiplies; ${following.note}
${loads(following.step)}
    for (var k = 0u; k < ${parts.deep}u; k++) {
${parts.multiply}
    }
  }
${unroll(threadVectors, (v) => `  let vector${v} = firstVector + local.x + ${v * threadsX}u;`)}
${parts.store}`,
  );
}
