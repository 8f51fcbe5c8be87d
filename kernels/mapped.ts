/**
 * Each element of an array from the same element of others, by an expression in WGSL: the shader of activations, sums,
 * dropout. Elements are loaded and stored four at a time where their number allows it.
 */
import { enableDtype, type FloatType, loaded, stored, storedType } from "./dtype.ts";
import type { Shader } from "./kernel.ts";
import { strided } from "./wgsl.ts";

/** What a result is made of. */
export interface Mapping {
  /** Elements of each array. */
  readonly count: number;
  /** What the arrays that are read are called in the expression; they are bound from 0 on. */
  readonly reads: readonly string[];
  /** The element of the result, an f32, from those of the reads and the element's index `i`. */
  readonly expression: string;
  /** Of all arrays. */
  readonly dtype?: FloatType | undefined;
  /** Of the result, where it differs. */
  readonly to?: FloatType;
  /** Functions and further bindings that the expression uses; the default is none. */
  readonly declarations?: string | undefined;
  /** Where the result is bound; the default is behind the reads. */
  readonly binding?: number;
}

const COMPONENTS = ["x", "y", "z", "w"];

/** The shader that computes a result. */
export function mapped(
  { count, reads, expression, dtype, to = dtype, declarations = "", binding = reads.length }: Mapping,
): Shader {
  const whole = count % 4 === 0, type = whole ? "vec4f" : "f32";
  const arrays = reads.map((name, n) =>
    `@group(0) @binding(${n}) var<storage, read> ${name}_values: array<${storedType(type, dtype)}>;`
  );
  const elementOf = (i: string, part: string) =>
    `element_of(${[i, ...reads.map((_, n) => `v${n}${part}`)].join(", ")})`;
  const result = whole
    ? `vec4f(${COMPONENTS.map((part, n) => elementOf(`4u * at + ${n}u`, `.${part}`)).join(", ")})`
    : elementOf("at", "");
  return strided(
    { count: whole ? count / 4 : count },
    `${dtype === "f16" || to === "f16" ? enableDtype("f16") : ""}${
      [...arrays, `@group(0) @binding(${binding}) var<storage, read_write> results: array<${storedType(type, to)}>;`]
        .join("\n")
    }
${declarations}
fn element_of(i: u32${reads.map((name) => `, ${name}: f32`).join("")}) -> f32 {
  return ${expression};
}`,
    [
      ...reads.map((name, n) => `      let v${n} = ${loaded(`${name}_values[at]`, type, dtype)};`),
      `      results[at] = ${stored(result, type, to)};`,
    ].join("\n"),
  );
}
