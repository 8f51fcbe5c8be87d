/** An array that a shader reads: how it is declared, and how an element of it is loaded. */
import { type Computed, type FloatType, loaded, storedType } from "../../dtype.ts";

export interface Operand {
  readonly declaration: string;
  /** What lies at `index`, as it is computed with: 0 where a test fails, though `index` must be valid even there. */
  load(index: string, ...tests: readonly string[]): string;
}

/** The array `name`, whose elements are loaded as `type` and stored in `dtype`. */
export function operand(binding: number, name: string, type: Computed, dtype?: FloatType): Operand {
  const stored = type === "vec4<f16>" ? "f32" : dtype; // neither loading nor storing changes its type
  return {
    declaration: `@group(0) @binding(${binding}) var<storage, read> ${name}: array<${storedType(type, stored)}>;`,
    load(index, ...tests) {
      const value = loaded(`${name}[${index}]`, type, stored);
      return tests.length === 0 ? value : `select(${type}(), ${value}, ${tests.join(" && ")})`;
    },
  };
}
