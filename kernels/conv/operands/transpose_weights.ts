import { enableDtype, type FloatType, storedType } from "../../dtype.ts";
import type { Shader } from "../../kernel.ts";
import { elementwise } from "../../wgsl.ts";

/** w [slice, columns, inner] to [slice, inner, columns], so that reads of neighbouring columns are contiguous. */
export function transposeWeights(slices: number, inner: number, columns: number, dtype?: FloatType): Shader {
  const type = storedType("f32", dtype);
  return elementwise(
    slices * inner * columns,
    `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> w: array<${type}>;
@group(0) @binding(1) var<storage, read_write> transposed: array<${type}>;`,
    `  let ci = i % ${columns}u;
  let co = (i / ${columns}u) % ${inner}u;
  let slice = i / ${columns * inner}u;
  transposed[i] = w[(slice * ${columns}u + ci) * ${inner}u + co];`,
  );
}
