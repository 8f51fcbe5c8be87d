/**
 * Sums over rows: y[c] = sum over r of x[r,c], the gradient of a bias. Deterministic in two dispatches: each of
 * `parts` workgroups sums a contiguous share of the rows into scratch, then the parts are added in order. One thread
 * per column; `parts` is the tuning.
 */
import { ceilDiv, elementwise, foldWorkgroups, WORKGROUP_INDEX } from "./wgsl.ts";
import { type Kernel, read, scratch, write } from "./kernel.ts";

export interface SumRowsProblem {
  readonly rows: number;
  readonly columns: number;
}
export interface SumRowsTuning {
  readonly parts: number;
}

const THREADS = 64;

/** Reads x [rows, columns], writes y [columns]. */
export const sumRows: Kernel<SumRowsProblem, SumRowsTuning> = {
  name: "sum_rows",
  tunings: ({ rows }) => [...new Set([64, 16, 256].map((parts) => Math.min(parts, rows)))].map((parts) => ({ parts })),
  stages({ rows, columns }, { parts }) {
    const share = ceilDiv(rows, parts), columnGroups = ceilDiv(columns, THREADS);
    const partial = `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = ${WORKGROUP_INDEX};
  let part = index / ${columnGroups}u;
  let c = (index % ${columnGroups}u) * ${THREADS}u + lane;
  if (c >= ${columns}u || part >= ${parts}u) { return; }
  var sum = 0.0;
  for (var r = part * ${share}u; r < min((part + 1u) * ${share}u, ${rows}u); r++) { sum += x[r * ${columns}u + c]; }
  partials[part * ${columns}u + c] = sum;
}
`;
    const total = elementwise(
      columns,
      `@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;`,
      `  var sum = 0.0;
  for (var part = 0u; part < ${parts}u; part++) { sum += partials[part * ${columns}u + i]; }
  y[i] = sum;`,
    );
    return {
      scratch: [4 * parts * columns],
      dispatches: [
        {
          shader: { code: partial, workgroups: foldWorkgroups(parts * columnGroups) },
          bindings: [read(0), scratch(0)],
        },
        { shader: total, bindings: [scratch(0), write(0)] },
      ],
    };
  },
  cost: ({ rows, columns }) => ({ flops: rows * columns, bytes: 4 * columns * (rows + 1) }),
};
