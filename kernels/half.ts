/**
 * Half precision in memory: arrays of f16 whose elements are computed with as f32. Here is what a shader says where an
 * array may be one or the other; without `half` it says nothing of types at all. Numbers beyond 65504 are stored as
 * infinite.
 */

/** What is computed with: one element, or four neighbours. */
export type Computed = "f32" | "vec4f";

/** The directive that a shader with arrays of f16 starts with. */
export const enableHalf = (half = false): string => half ? "enable f16;\n" : "";

/** The type of an array's elements that are computed with as `type`. */
export const storedType = (type: Computed, half = false): string => !half ? type : type === "f32" ? "f16" : "vec4<f16>";

/** An element of an array, as it is computed with. */
export const loaded = (value: string, type: Computed, half = false): string => half ? `${type}(${value})` : value;

/** What was computed, as an array holds it. */
export const stored = (value: string, type: Computed, half = false): string =>
  half ? `${storedType(type, true)}(${value})` : value;

/** Bytes of an array, in whole words, which bindings need. */
export const arrayBytes = (elements: number, half = false): number => 4 * (half ? Math.ceil(elements / 2) : elements);

/** Bytes of one element. */
export const elementBytes = (half = false): number => half ? 2 : 4;
