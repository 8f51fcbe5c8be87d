/** Pieces that the generators share: joining lines, one-dimensional dispatches, the counter-based random numbers. */
import type { Shader, Workgroups } from "./kernel.ts";

/** Calls `line` for 0, 1, ... `count - 1` and joins the results: unrolled code. */
export function unroll(count: number, line: (index: number) => string, separator = "\n"): string {
  return Array.from({ length: count }, (_, index) => line(index)).join(separator);
}

/** Smallest integer that is at least `a / b`. */
export function ceilDiv(a: number, b: number): number {
  return Math.ceil(a / b);
}

/** An f32 literal that WGSL reads back exactly. */
export function f32(value: number): string {
  return `${Math.fround(value).toExponential()}f`;
}

/** WebGPU allows 65 535 workgroups per dimension. */
export const MAX_WORKGROUPS = 65535;
const ELEMENTWISE_THREADS = 64;

/** `count` workgroups folded into two dimensions; pair it with `WORKGROUP_INDEX`, which may exceed `count`. */
export function foldWorkgroups(count: number): Workgroups {
  const y = ceilDiv(count, MAX_WORKGROUPS);
  return [ceilDiv(count, y), y, 1];
}

/** The index of the workgroup in a folded dispatch, given `@builtin(workgroup_id) group` and `num_workgroups`. */
export const WORKGROUP_INDEX = "group.y * groups.x + group.x";

/** What is around the body of a shader that works by workgroups. */
export interface Grid {
  /** Workgroups; the body knows which it is by `index`. */
  readonly count: number;
  /** Threads of each. */
  readonly size: number | string;
  /** Bindings, constants and functions that the body uses. */
  readonly declarations: string;
  /** Parameters of `main`, as `LOCAL` and `LANE`. */
  readonly builtins: string;
  /** Further attributes of `main`. */
  readonly attributes?: string;
}

/** A shader that runs `body` in each workgroup of the grid. */
export function perWorkgroup({ count, size, declarations, builtins, attributes = "" }: Grid, body: string): Shader {
  const code = `${declarations}
@compute @workgroup_size(${size})${attributes}
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        ${builtins}) {
  let index = ${WORKGROUP_INDEX};
  if (index >= ${count}u) { return; }
${body}
}
`;
  return { code, workgroups: foldWorkgroups(count) };
}

/** The thread's place in its workgroup. */
export const LOCAL = "@builtin(local_invocation_id) local: vec3u";
/** The thread's index in its workgroup, as a parameter of `main`: `lane`. */
export const LANE = "@builtin(local_invocation_index) lane: u32";

/**
 * A shader that runs `body` once for each `i` in 0 ... `count - 1`, one thread each.
 * `declarations` holds the bindings and functions that the body uses.
 */
export function elementwise(count: number, declarations: string, body: string): Shader {
  const code = `${declarations}
@compute @workgroup_size(${ELEMENTWISE_THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let i = (${WORKGROUP_INDEX}) * ${ELEMENTWISE_THREADS}u + lane;
  if (i >= ${count}u) { return; }
${body}
}
`;
  return { code, workgroups: foldWorkgroups(ceilDiv(count, ELEMENTWISE_THREADS)) };
}

/** A dispatch in which each thread does several elements, so that what a thread costs is shared. */
export interface Strided {
  /** Elements, or vectors of them. */
  readonly count: number;
  /** All elements of a thread leave the same rest when divided by this; the default is 1. */
  readonly period?: number;
  /** What a thread does once, for its first element, `start`. */
  readonly once?: string;
}

/** Below this many elements there are hardly enough threads for a GPU: each gets one. */
const MANY = 65536, EACH = 4;

/**
 * A shader that runs `body` once for each `at` in 0 ... `count - 1`; a thread's are far apart, so that neighbouring
 * threads touch neighbouring elements. On a CPU a thread costs as much as several loads: a ReLU of 6.3 million elements
 * took 44 ms one by one, 21 ms four by four, 9 ms four by four vectors (llvmpipe, two cores).
 */
export function strided({ count, period = 1, once = "" }: Strided, declarations: string, body: string): Shader {
  const each = count < MANY ? 1 : EACH, threads = ceilDiv(ceilDiv(count, each), period) * period;
  const groups = ceilDiv(threads, ELEMENTWISE_THREADS);
  const code = `${declarations}
@compute @workgroup_size(${ELEMENTWISE_THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let start = (${WORKGROUP_INDEX}) * ${ELEMENTWISE_THREADS}u + lane;
  if (start >= ${threads}u) { return; }
${once}
  for (var part = 0u; part < ${each}u; part++) {
    let at = start + part * ${threads}u;
    if (at < ${count}u) {
${body}
    }
  }
}
`;
  return { code, workgroups: foldWorkgroups(groups) };
}

/**
 * Counter-based random numbers, the same as `hash` of core/graph/random.ts: no state, so any thread can draw any element
 * again. The mixer is `lowbias32` of C. Wellons' hash-prospector.
 */
export const RANDOM = `
fn mix32(value: u32) -> u32 {
  var x = value;
  x ^= x >> 16u; x *= 0x7feb352du;
  x ^= x >> 15u; x *= 0x846ca68bu;
  x ^= x >> 16u;
  return x;
}
fn random_key(seed: u32, step: u32, stream: u32) -> u32 {
  return mix32(mix32(mix32(seed + 0x9e3779b9u) ^ step) ^ stream);
}
fn random_u32(key: u32, index: u32) -> u32 { return mix32(mix32(index + 0x9e3779b9u) ^ key); }
/** Uniform in [0, 1). */
fn random_unit(key: u32, index: u32) -> f32 { return f32(random_u32(key, index) >> 8u) * 0x1p-24f; }
`;

/** Normal numbers by Box and Muller, the `index`-th from draws 2 * index and 2 * index + 1; to be put after `RANDOM`. */
export const NORMAL = `
fn random_normal(key: u32, index: u32) -> f32 {
  let radius = sqrt(-2.0 * log(1.0 - random_unit(key, 2u * index)));
  return radius * cos(6.283185307179586f * random_unit(key, 2u * index + 1u));
}
`;

/** The layout of the step buffer, written by core/graph/step_data.ts before each step. */
export const STEP = `
struct Step { step: u32, seed: u32, learning_rate: f32, first: u32 }
`;
