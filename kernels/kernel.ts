/**
 * What a kernel is: a pure function from numbers to WGSL. Nothing here knows a device or a tensor, so every shader of
 * the project can be generated, read and tested without a GPU.
 */

import type { MatrixConfig } from "./matrix_config.ts";
import type { Pointwise } from "./pointwise.ts";

/** Number of workgroups in x, y and z, each at most 65 535. */
export type Workgroups = readonly [x: number, y: number, z: number];

/** One WGSL module with the entry point `main`, and how many workgroups to start. */
export interface Shader {
  /** The text of the module. */
  readonly code: string;
  /** How many workgroups to start. */
  readonly workgroups: Workgroups;
}

/** What a dispatch binds: the op's n-th read or write, or the n-th scratch buffer of its kernel. */
export type Binding = { readonly from: "read" | "write" | "scratch"; readonly index: number };

/** One dispatch; `bindings[i]` is bound at `@group(0) @binding(i)`. */
export interface Stage {
  /** What runs. */
  readonly shader: Shader;
  /** What it is bound to, in order. */
  readonly bindings: readonly Binding[];
}

/** The dispatches of one op, in order, and the bytes of each scratch buffer they share. */
export interface Stages {
  /** Bytes of each scratch buffer. */
  readonly scratch: readonly number[];
  /** What runs, one after the other. */
  readonly dispatches: readonly Stage[];
}

/** What a kernel may use on a device. */
export interface Limits {
  /** Threads in one workgroup. */
  readonly workgroupInvocations: number;
  /** Bytes of workgroup memory. */
  readonly workgroupStorage: number;
  /** Bytes of one storage binding. */
  readonly bindingBytes: number;
  /** Threads of a subgroup where every subgroup has as many, else null; null too where subgroups are not supported. */
  readonly subgroupSize: number | null;
  /** Where sizes vary: those that a shader can ask for. Absent where it cannot. */
  readonly subgroupSizes?: readonly number[];
  /** Does the adapter run on the CPU? There a load costs dozens of multiplications, and a barrier far more. */
  readonly software: boolean;
  /** Offer only tunings that sum the products of the definition, so no Winograd. */
  readonly exact: boolean;
  /** May shaders store f16? Absent: no. */
  readonly f16?: boolean;
  /** The matrix units that the device was opened with and that computed a right product; absent where there are none. */
  readonly matrix?: MatrixConfig;
}

/** Generates shaders that all compute the same thing: each tuning is another way to do it. */
export interface Kernel<Problem, Tuning> {
  /** Its name in profiles, messages and the cache of tunings: letters, digits and "_". */
  readonly name: string;
  /**
   * Valid configurations for these limits, those first that are likely to be fast. The first is the default: safe
   * everywhere, good almost everywhere.
   */
  tunings(problem: Problem, limits: Limits): readonly Tuning[];
  /** The plainest tuning, which every other is checked against; the default where there is none. */
  reference?(problem: Problem): Tuning;
  /** Pure: equal arguments give identical stages. */
  stages(problem: Problem, tuning: Tuning): Stages;
  /** What it does to each element of its first read, if it does no more. */
  pointwise?(problem: Problem): Pointwise | null;
  /** The problem of doing `next` too, whose further reads come behind this kernel's own; null where it cannot. */
  absorb?(problem: Problem, next: Pointwise): Problem | null;
  /** What a user wrote of its shaders, if anybody but us did: who wrote it is told in these words if it does not compile. */
  written?(problem: Problem): string | null;
  /** Least work possible: direct floating point operations, and each byte of the operands moved once. */
  cost(problem: Problem): Cost;
}

/** What a problem takes at least. */
export interface Cost {
  /** Operations of the definition. */
  readonly flops: number;
  /** Bytes of all operands, read or written once. */
  readonly bytes: number;
  /** Operations of the algorithm on offer that needs the fewest, where that is not the definition's. */
  readonly leastFlops?: number;
}

/** The op's n-th read. */
export const read = (index: number): Binding => ({ from: "read", index });
/** The op's n-th write. */
export const write = (index: number): Binding => ({ from: "write", index });
/** The n-th scratch buffer of the kernel. */
export const scratch = (index: number): Binding => ({ from: "scratch", index });

/** The tuning of a kernel that has only one. */
export type Fixed = Record<string, never>;
/** The list of tunings of such a kernel. */
export const FIXED: readonly Fixed[] = [{}];
