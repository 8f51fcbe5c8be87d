/** What bounds a kernel on a GPU, from its machine code: arithmetic, workgroup memory, or loads from global memory. */
import { type Assembly, counts, innerLoop, type Kind, KIND_NAMES, type Loop, wholeLoop } from "./assembly.ts";
import type { Generation } from "./gpus.ts";

/** Cycles that a SIMD is busy for a subgroup. The slowest of the three is the bound: they run side by side. */
export interface Cycles {
  readonly arithmetic: number;
  readonly workgroup: number;
  readonly global: number;
}

export interface LoopBounds {
  /** Instructions of the inner loop by kind. */
  readonly inner: Readonly<Record<Kind, number>>;
  readonly instructions: number;
  /** Products in it, of all its instructions; a matrix instruction is one. */
  readonly productShare: number;
  /** Cycles of a SIMD for each of its lanes' multiply-adds, loops around the inner one included: 1 is its peak. */
  readonly perProduct: Cycles;
}

/** Transcendental functions take four times as long as a multiplication. */
const SLOW = /^v_(exp|log|rcp|rsq|sqrt|sin|cos)_/;

/** Cycles of a stretch of code, each instruction as often as it runs. */
export function cyclesOf(
  { instructions }: Assembly,
  first: number,
  times: readonly number[],
  subgroupSize: number,
  { simds, lanes, workgroupBytes, cacheBytes, matrixCycles }: Generation,
): Cycles {
  const passes = subgroupSize / lanes;
  let arithmetic = 0, workgroup = 0, global = 0;
  times.forEach((count, offset) => {
    const { name, kind, bytes } = instructions[first + offset]!;
    if (kind === "matrix") arithmetic += count * (matrixCycles ?? 0);
    else if (kind === "product" || kind === "vector") arithmetic += count * passes * (SLOW.test(name) ? 4 : 1);
    else if (kind === "workgroup") workgroup += count * bytes * subgroupSize * simds / workgroupBytes;
    else if (kind === "global") global += count * bytes * subgroupSize * simds / cacheBytes;
  });
  return { arithmetic, workgroup, global };
}

/** What a product of 16x16x16 matrices, of 4096 multiply-adds, is to each lane of a SIMD. */
const matrixProducts = ({ lanes }: Generation) => 16 ** 3 / lanes;

/** Null where no loop multiplies. */
export function loopBounds(assembly: Assembly, subgroupSize: number, generation: Generation): LoopBounds | null {
  const inner = innerLoop(assembly);
  if (inner === null) return null;
  const whole = wholeLoop(assembly, inner), times = counts(assembly, whole);
  const cycles = cyclesOf(assembly, whole.first, times, subgroupSize, generation);
  const products = times.reduce((sum, count, offset) => {
    const { kind, products } = assembly.instructions[whole.first + offset]!;
    return sum + count * products * (kind === "matrix" ? matrixProducts(generation) : subgroupSize / generation.lanes);
  }, 0);
  return { ...mix(assembly, inner), perProduct: scaled(cycles, 1 / products) };
}

export const scaled = ({ arithmetic, workgroup, global }: Cycles, by: number): Cycles => ({
  arithmetic: arithmetic * by,
  workgroup: workgroup * by,
  global: global * by,
});

function mix({ instructions }: Assembly, { first, last }: Loop): Omit<LoopBounds, "perProduct"> {
  const body = instructions.slice(first, last + 1);
  const inner = Object.fromEntries(KIND_NAMES.map((kind) => [kind, body.filter((each) => each.kind === kind).length]));
  const products = inner["product"]! + inner["matrix"]!;
  return { inner: inner as Record<Kind, number>, instructions: body.length, productShare: products / body.length };
}

/** Cycles of a SIMD for one subgroup, from the first instruction to the last. */
export function subgroupCycles(assembly: Assembly, subgroupSize: number, generation: Generation): Cycles {
  const all = { first: 0, last: assembly.instructions.length - 1 };
  return cyclesOf(assembly, 0, counts(assembly, all), subgroupSize, generation);
}

/** Multiply-adds of a subgroup, as far as the loops' rounds are known. */
export function subgroupProducts(assembly: Assembly, subgroupSize: number): number {
  const all = { first: 0, last: assembly.instructions.length - 1 }, times = counts(assembly, all);
  return assembly.instructions.reduce(
    (sum, { kind, products }, at) => sum + times[at]! * products * (kind === "matrix" ? 16 ** 3 : subgroupSize),
    0,
  );
}
