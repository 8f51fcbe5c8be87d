/**
 * The element type of an array in memory, `dtype`: f32, or f16 for half precision, whose elements are computed with as
 * f32. Here is what a shader says where an array may be one or the other; of f32 it says nothing at all. Numbers beyond
 * 65504 are stored as infinite.
 */

/** Absent in a problem: f32. */
export type FloatType = "f32" | "f16";

/** What is computed with: one element, or four neighbours; matrix units take f16 as they are. */
export type Computed = "f32" | "vec4f" | "vec4<f16>";

/** The directive that a shader with arrays of f16 starts with. */
export const enableDtype = (dtype: FloatType = "f32"): string => dtype === "f16" ? "enable f16;\n" : "";

/** The type of an array's elements that are computed with as `type`. */
export const storedType = (type: Computed, dtype: FloatType = "f32"): string =>
  dtype === "f32" ? type : type === "f32" ? "f16" : "vec4<f16>";

/** An element of an array, as it is computed with. */
export const loaded = (value: string, type: Computed, dtype: FloatType = "f32"): string =>
  dtype === "f16" ? `${type}(${value})` : value;

/** What was computed, as an array holds it. */
export const stored = (value: string, type: Computed, dtype: FloatType = "f32"): string =>
  dtype === "f16" ? `${storedType(type, dtype)}(${value})` : value;

/** Bytes of one element. */
export const elementBytes = (dtype: FloatType = "f32"): number => dtype === "f16" ? 2 : 4;

/** Bytes of an array, in whole words, which bindings need. */
export const arrayBytes = (elements: number, dtype: FloatType = "f32"): number =>
  4 * Math.ceil(elements * elementBytes(dtype) / 4);
