/**
 * Sums over rows: y[c] = sum over r of x[r,c], as shaders that the gradient of a bias is made of. Deterministic: each
 * of `parts` workgroups per 64 columns sums a contiguous share of the rows, the shares are added in order. One thread
 * per column.
 */
import { enableDtype, type FloatType, loaded, storedType } from "../dtype.ts";
import { ceilDiv, foldWorkgroups, WORKGROUP_INDEX } from "../wgsl.ts";
import type { Shader } from "../kernel.ts";

const THREADS = 64;

/** Sums of the rows `first` ... `first + rows - 1`. Bindings: x [.., columns], of `dtype`, shares [parts, columns]. */
export function sumRowShares(
  { first, rows, columns, dtype }: { first: number; rows: number; columns: number; dtype?: FloatType | undefined },
  parts: number,
): Shader {
  const share = ceilDiv(rows, parts), columnGroups = ceilDiv(columns, THREADS);
  const code = `${enableDtype(dtype)}@group(0) @binding(0) var<storage, read> x: array<${storedType("f32", dtype)}>;
@group(0) @binding(1) var<storage, read_write> shares: array<f32>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = ${WORKGROUP_INDEX};
  let part = index / ${columnGroups}u;
  let c = (index % ${columnGroups}u) * ${THREADS}u + lane;
  if (c >= ${columns}u || part >= ${parts}u) { return; }
  var sum = 0.0;
  for (var r = part * ${share}u; r < min((part + 1u) * ${share}u, ${rows}u); r++) {
    sum += ${loaded(`x[(r + ${first}u) * ${columns}u + c]`, "f32", dtype)};
  }
  shares[part * ${columns}u + c] = sum;
}
`;
  return { code, workgroups: foldWorkgroups(parts * columnGroups) };
}

/** WGSL that sums element `i` of `parts` arrays of `count` in order, as the variable `sum`. */
export function addShares(array: string, count: number, parts: number, i: string): string {
  return `  var sum = 0.0;
  for (var part = 0u; part < ${parts}u; part++) { sum += ${array}[part * ${count}u + ${i}]; }`;
}
