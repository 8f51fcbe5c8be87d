/**
 * The shares of a sum: those of a weight gradient over pixels, and those of a bias gradient over rows, y[c] = sum over r
 * of x[r,c]. Deterministic: each of `parts` workgroups sums a contiguous share, and the shares are added in order.
 */
import { enableDtype, type FloatType, loaded, storedType } from "../dtype.ts";
import { ceilDiv, elementwise, foldWorkgroups, WORKGROUP_INDEX } from "../wgsl.ts";
import type { Shader } from "../kernel.ts";

const THREADS = 64;

/**
 * Most pixels, or tiles of them, that a weight gradient sums one after the other: the float32 sum of n numbers of about
 * the same size loses up to n / 2 roundings of 2^-24.
 */
export const MOST_TERMS = 4096;

/** Shares of the sum over `rows` of dy, where no product sums them on the way: enough threads, but few to add. */
export const biasShares = (rows: number): number => Math.min(512, ceilDiv(rows, 128));

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
function addShares(array: string, count: number, parts: number, i: string): string {
  return `  var sum = 0.0;
  for (var part = 0u; part < ${parts}u; part++) { sum += ${array}[part * ${count}u + ${i}]; }`;
}

/** What further threads of a shader do: their number, and the bindings from 2 on and the body that they need. */
export interface Rest {
  readonly threads: number;
  readonly declarations: string;
  readonly body: string;
}

/** The threads after the first `first` each add the shares of one of `columns` bias gradients. */
export function addBias(first: number, columns: number, parts: number): Rest {
  return {
    threads: columns,
    declarations: `@group(0) @binding(2) var<storage, read> bias_shares: array<f32>;
@group(0) @binding(3) var<storage, read_write> db: array<f32>;`,
    body: `  if (i >= ${first}u) {
${addShares("bias_shares", columns, parts, `i - ${first}u`)}
    db[i - ${first}u] = sum;
    return;
  }`,
  };
}

export const NO_BIAS: Rest = { threads: 0, declarations: "", body: "" };

/** What a shader binds that adds the shares of dw. */
export const SHARES = `@group(0) @binding(0) var<storage, read> shares: array<f32>;
@group(0) @binding(1) var<storage, read_write> dw: array<f32>;`;

/** Adds the shares of dw, and of db. Bindings: shares [parts, count], dw, those of `bias`. */
export function addAll(count: number, parts: number, bias: Rest): Shader {
  const body = `${bias.body}\n${addShares("shares", count, parts, "i")}\n  dw[i] = sum;`;
  return elementwise(count + bias.threads, `${SHARES}\n${bias.declarations}`, body);
}
