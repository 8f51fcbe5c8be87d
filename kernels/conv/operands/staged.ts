/**
 * An operand on its way through workgroup memory: the threads of a workgroup fetch the vectors of a step, each a few of
 * them in rounds, and keep them there once the step before has been multiplied.
 */
import { ceilDiv, unroll } from "../../wgsl.ts";

/** WGSL for a thread's vector of each round. */
export interface Staged {
  /** Vectors of a step, of all threads. */
  readonly vectors: number;
  /** Declares what the thread knows of its vectors. */
  readonly place: (round: number) => string;
  /** Loads the vector of a step to a variable. */
  readonly fetch: (round: number, step: string) => string;
  /** Puts the variable into workgroup memory, as vector `item` of the step. */
  readonly keep: (round: number, item: string) => string;
}

/** All rounds of `threads` threads. */
export function staging({ vectors, place, fetch, keep }: Staged, threads: number) {
  const rounds = ceilDiv(vectors, threads);
  const kept = (round: number) => {
    const body = keep(round, `(lane + ${round * threads}u)`);
    return (round + 1) * threads <= vectors
      ? body
      : `      if (lane + ${round * threads}u < ${vectors}u) {\n${body}\n      }`;
  };
  return {
    place: unroll(rounds, place),
    fetch: (step: string) => unroll(rounds, (round) => fetch(round, step)),
    keep: unroll(rounds, kept),
    each: (line: (round: number) => string) => unroll(rounds, line),
  };
}
