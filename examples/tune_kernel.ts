/** A kernel of one's own for the tuner: a transpose with six tunings, one of them wrong, which the tuner finds out. */
import { compile, type Kernel, op, openDevice, openTuneCache, read, readTensor, run } from "../mod.ts";
import { searchTuner, tensor, write, writeTensor } from "../mod.ts";

/** y[column, row] = x[row, column]; a workgroup moves a tile of `size` rows and columns, through its memory or not. */
const transpose: Kernel<{ readonly rows: number; readonly columns: number }, { size: number; through: string }> = {
  name: "transpose",
  tunings: () =>
    ["nothing", "memory", "memory, no barrier"].flatMap((through) => [8, 16].map((size) => ({ size, through }))),
  stages({ rows, columns }, { size, through }) {
    const barrier = through === "memory" ? "workgroupBarrier();" : "";
    const direct =
      `y[(at.x + local.x) * ${rows}u + at.y + local.y] = x[(at.y + local.y) * ${columns}u + at.x + local.x];`;
    const code = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
var<workgroup> tile: array<array<f32, ${size + 1}>, ${size}>; // a column more, so that columns lie in other banks
@compute @workgroup_size(${size}, ${size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = group.xy * ${size}u;
  ${
      through === "nothing" ? direct : `tile[local.y][local.x] = x[(at.y + local.y) * ${columns}u + at.x + local.x];
  ${barrier}
  y[(at.x + local.y) * ${rows}u + at.y + local.x] = tile[local.x][local.y];`
    }
}`;
    const shader = { code, workgroups: [columns / size, rows / size, 1] as const };
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ rows, columns }) => ({ flops: 0, bytes: 8 * rows * columns }),
};

const device = await openDevice(), rows = 256, columns = 512, persistent = { lifetime: "persistent" } as const;
const x = tensor("x", [rows, columns], persistent), y = tensor("y", [columns, rows], persistent);
const moved = op(transpose, { rows, columns }, { label: "transpose", reads: [x], writes: [y] });
const tuner = searchTuner(device, await openTuneCache(device.scope, console.warn), {
  budgetSeconds: 10,
  onSearched([outcome]) {
    for (const { tuning, status, reason, seconds } of outcome!.entry.rows) {
      console.log(
        JSON.stringify(tuning),
        seconds === null ? `${status}: ${reason}` : `${(1e6 * seconds).toFixed(0)} us`,
      );
    }
  },
});
const buffers = new Map();
await writeTensor(device, buffers, x, Float32Array.from({ length: rows * columns }, (_, i) => i));
const plan = await compile(device, { ops: [moved], keep: [] }, tuner, buffers);
run(device, plan);
const values = await readTensor(device, buffers, y);
console.log(
  `chosen: ${JSON.stringify(plan.ops[0]!.tuning)}; y[3, 2] = x[2, 3]: ${values[3 * rows + 2]} = ${2 * columns + 3}`,
);
device.close();
