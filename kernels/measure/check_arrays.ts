/**
 * What the tuner needs to check a kernel without copying arrays to the host: filling an array, comparing two, and a
 * few projections of one, by which it can be recognized later. The shaders do not depend on the arrays' sizes, so each
 * compiles once per device. Threads stride through the arrays; each workgroup writes one vector of partial sums.
 */
import { ceilDiv, RANDOM } from "../wgsl.ts";
import type { Shader } from "../kernel.ts";

const THREADS = 64;
/** Enough to fill a GPU; few enough partial sums to add on the host. */
const MAX_WORKGROUPS = 1024;
/** Elements that a thread should have to do before another workgroup is worth starting. */
const PER_THREAD = 4;

/** Workgroups for `count` elements: the number of partial sums. */
export function checkWorkgroups(count: number): number {
  return Math.max(1, Math.min(MAX_WORKGROUPS, ceilDiv(count, THREADS * PER_THREAD)));
}

const ARGUMENTS = `@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32`;
const FIRST = `group.x * ${THREADS}u + lane`;
const STRIDE = `groups.x * ${THREADS}u`;

/** What `fillShader` writes; the numbers are those of its first parameter. */
export const FILL = {
  /** The second parameter, everywhere. */
  word: 0,
  /** f32, uniform in [-1, 1) on a grid of 2^-23, so that every device writes the same; f16 on a grid of 2^-10. */
  random: 1,
  /**
   * f32 small integers that tell where they are, half of them 0, those on the edges of an image 16 times larger; f16 a
   * 16th of them, so that no sum of products leaves its range.
   */
  coded: 2,
  /** u32, 0 or 1: valid as a label, an index or a mask. */
  bits: 3,
} as const;

/** Shaders see arrays as words, of one element, or of two of f16: so they need no shader-f16. */
export type Checked = "f32" | "f16" | "u32";

/**
 * Fills an array, whose elements are of `dtype`. Bindings: parameters u32 [5] (which of FILL, word or seed, height,
 * width, channels of the images that the array holds), the array.
 */
export function fillShader(count: number, dtype: Checked): Shader {
  const random = (i: string) =>
    dtype === "f16"
      ? `f32(random_u32(key, ${i}) >> 21u) * 0x1p-10f - 1.0`
      : `f32(random_u32(key, ${i}) >> 8u) * 0x1p-23f - 1.0`;
  const words = (element: (i: string) => string) =>
    dtype === "f16"
      ? `pack2x16float(vec2f(${element("2u * i")}, ${element("2u * i + 1u")}))`
      : `bitcast<u32>(${element("i")})`;
  const code = `${RANDOM}
@group(0) @binding(0) var<storage, read> parameters: array<u32, 5>;
@group(0) @binding(1) var<storage, read_write> words: array<u32>;
fn coded(i: u32) -> f32 {
  let height = parameters[2];
  let width = parameters[3];
  let channels = parameters[4];
  let c = i % channels;
  let x = (i / channels) % width;
  let y = (i / channels / width) % height;
  let n = i / channels / width / height;
  if ((mix32(i ^ parameters[1]) & 1u) == 0u) { return 0.0; }
  let edge = (height > 1u && (y == 0u || y == height - 1u)) || (width > 1u && (x == 0u || x == width - 1u));
  return (f32((3u * c + 5u * x + 7u * y + 11u * n) % 9u) - 4.0) * select(1.0, 16.0, edge);
}
@compute @workgroup_size(${THREADS})
fn main(${ARGUMENTS}) {
  let pattern = parameters[0];
  let seed = parameters[1];
  let key = random_key(seed, 0u, 0u);
  for (var i = ${FIRST}; i < arrayLength(&words); i += ${STRIDE}) {
    var word = seed;
    if (pattern == ${FILL.random}u) { word = ${words(random)}; }
    if (pattern == ${FILL.coded}u) { word = ${words((i) => dtype === "f16" ? `coded(${i}) / 16.0` : `coded(${i})`)}; }
    if (pattern == ${FILL.bits}u) { word = random_u32(key, i) & 1u; }
    words[i] = word;
  }
}
`;
  return { code, workgroups: [checkWorkgroups(dtype === "f16" ? ceilDiv(count, 2) : count), 1, 1] };
}

/** Infinity or NaN, by its bits: arithmetic on them is not portable. */
const NOT_FINITE = "fn not_finite(word: u32) -> bool { return (word & 0x7f800000u) == 0x7f800000u; }";

/** WGSL that reads the f16 at `element` of an array of words, as a word; and whether it is infinite or NaN. */
const HALVES = `
fn half_of(word: u32, element: u32) -> u32 { return (word >> (16u * (element & 1u))) & 0xffffu; }
fn half_not_finite(half: u32) -> bool { return (half & 0x7c00u) == 0x7c00u; }
fn half_value(half: u32) -> f32 { return unpack2x16float(half).x; }`;

/** The first line of a function of `element`: the last word of an odd number of f16 holds one that is none. */
const leaveOutPadding = (count: number) =>
  count % 2 === 1 ? "  if (element == 2u * arrayLength(&words) - 1u) { return vec4f(); }\n" : "";

/** The terms of both f16 in word i. */
const bothHalves = (term: string) => `fold(${term}(2u * i), ${term}(2u * i + 1u))`;

/** A shader that folds `term`, a vec4f of element i, into one vector per workgroup; `third` folds the z components. */
function foldShader(count: number, declarations: string, term: string, third: "+" | "max"): Shader {
  const z = third === "+" ? "a.z + b.z" : "max(a.z, b.z)";
  const code = `${declarations}
${NOT_FINITE}
fn fold(a: vec4f, b: vec4f) -> vec4f { return vec4f(a.xy + b.xy, ${z}, a.w + b.w); }
var<workgroup> sums: array<vec4f, ${THREADS}>;
@compute @workgroup_size(${THREADS})
fn main(${ARGUMENTS}) {
  var sum = vec4f();
  for (var i = ${FIRST}; i < arrayLength(&words); i += ${STRIDE}) {
    let term = ${term};
    sum = fold(sum, term);
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    for (var k = 1u; k < ${THREADS}u; k++) { sum = fold(sum, sums[k]); }
    partials[group.x] = sum;
  }
}
`;
  return { code, workgroups: [checkWorkgroups(count), 1, 1] };
}

/**
 * Compares an array with the expected one, f32 and f16 by value, u32 for equality. Bindings: the array, the expected one,
 * partials vec4f [workgroups] of: sum of squared differences, sum of squared expected values, largest difference,
 * number of values that are not finite (left out of the other three).
 */
export function compareShader(count: number, dtype: Checked): Shader {
  if (dtype === "f16") return compareHalves(count);
  const declarations = `@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read> expected: array<u32>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
fn compare(i: u32) -> vec4f {
${
    dtype === "u32" ? "  return select(vec4f(0, 1, 0, 0), vec4f(1, 1, 1, 0), words[i] != expected[i]);" : `\
  if (not_finite(words[i])) { return vec4f(0.0, 0.0, 0.0, 1.0); }
  let value = bitcast<f32>(expected[i]);
  let difference = bitcast<f32>(words[i]) - value;
  return vec4f(difference * difference, value * value, abs(difference), 0.0);`
  }
}`;
  return foldShader(count, declarations, "compare(i)", "max");
}

function compareHalves(count: number): Shader {
  const declarations = `@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read> expected: array<u32>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;${HALVES}
fn compare(element: u32) -> vec4f {
${leaveOutPadding(count)}\
  let actual = half_of(words[element / 2u], element);
  if (half_not_finite(actual)) { return vec4f(0.0, 0.0, 0.0, 1.0); }
  let value = half_value(half_of(expected[element / 2u], element));
  let difference = half_value(actual) - value;
  return vec4f(difference * difference, value * value, abs(difference), 0.0);
}`;
  return foldShader(ceilDiv(count, 2), declarations, bothHalves("compare"), "max");
}

/**
 * Projects an array on two vectors of fixed random signs, by which it can be recognized: an error of relative size e
 * moves each projection by about e times the norm. Bindings: the array, partials vec4f [workgroups] of: sum of squares,
 * the two projections, number of values that are not finite (left out of the other three).
 */
export function projectShader(count: number, dtype: Checked): Shader {
  if (dtype === "f16") return projectHalves(count);
  const finite = dtype === "f32" ? "!not_finite(words[i])" : "true";
  const declarations = `${RANDOM}
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4f>;
fn project(i: u32) -> vec4f {
  if (!(${finite})) { return vec4f(0.0, 0.0, 0.0, 1.0); }
  let value = ${dtype === "f32" ? "bitcast<f32>(words[i])" : "f32(words[i])"};
  let signs = mix32(i ^ 0x5bd1e995u);
  return vec4f(value * value, select(value, -value, (signs & 1u) == 1u), select(value, -value, (signs & 2u) == 2u), 0.0);
}`;
  return foldShader(count, declarations, "project(i)", "+");
}

function projectHalves(count: number): Shader {
  const declarations = `${RANDOM}
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4f>;${HALVES}
fn project(element: u32) -> vec4f {
${leaveOutPadding(count)}\
  let half = half_of(words[element / 2u], element);
  if (half_not_finite(half)) { return vec4f(0.0, 0.0, 0.0, 1.0); }
  let value = half_value(half);
  let signs = mix32(element ^ 0x5bd1e995u);
  return vec4f(value * value, select(value, -value, (signs & 1u) == 1u), select(value, -value, (signs & 2u) == 2u), 0.0);
}`;
  return foldShader(ceilDiv(count, 2), declarations, bothHalves("project"), "+");
}
