/**
 * What families share that stage operands in workgroup memory. For each step along the inner dimension the threads of a
 * workgroup fetch its vectors to variables, in rounds of one vector each, and keep them in workgroup memory once the
 * step before has been multiplied; so loads are under way while threads multiply.
 */
import type { Shader } from "../../kernel.ts";
import { ceilDiv, type Grid, perWorkgroup, unroll } from "../../wgsl.ts";

/** WGSL for the thread's vector in each round: `vectors` by `threads` threads, the last round perhaps not all of them. */
export const inRounds = (vectors: number, threads: number, line: (round: number) => string): string =>
  unroll(ceilDiv(vectors, threads), line);

/** The same, guarded at the end. */
export const keptInRounds = (vectors: number, threads: number, line: (round: number, item: string) => string): string =>
  inRounds(vectors, threads, (round) => {
    const item = `lane + ${round * threads}u`, body = line(round, `(${item})`);
    return (round + 1) * threads <= vectors ? body : `      if (${item} < ${vectors}u) {\n${body}\n      }`;
  });

/** The WGSL of a staged product, in its order. `start` fetches the first step, `next` the one after `step`. */
export interface StagedProduct {
  readonly start: string;
  readonly steps: number;
  readonly keep: string;
  readonly next: string;
  readonly multiply: string;
  readonly store: string;
}

export function stagedShader(grid: Grid, { start, steps, keep, next, multiply, store }: StagedProduct): Shader {
  const loop = `  for (var step = 0u; step < ${steps}u; step++) {
    workgroupBarrier();
${keep}
    workgroupBarrier();
${next}
${multiply}
  }`;
  return perWorkgroup(grid, `${start}\n${loop}\n${store}`);
}
