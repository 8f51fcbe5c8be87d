import { test } from "uvu";
import * as assert from "uvu/assert";
import process from "node:process";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import { convBackwardWeight } from "../../kernels/conv/conv_backward_weight.ts";
import type { Limits } from "../../kernels/kernel.ts";
import type { MatrixConfig } from "../../kernels/matrix_config.ts";
import { enableSubgroups, subgroupAttribute, subgroupsOf } from "../../kernels/subgroups.ts";
import { gpu, random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";

const AMD: Limits = {
  ...{ workgroupInvocations: 1024, workgroupStorage: 65536, bindingBytes: 2 ** 31, f16: true },
  ...{ subgroupSize: null, subgroupSizes: [32, 64], software: false, exact: false },
};
const SHAPE = { batch: 2, height: 6, width: 6, outHeight: 6, outWidth: 6, inChannels: 8, outChannels: 40 };
const PROBLEM = { ...SHAPE, kernel: 3, stride: 1, padding: 1, bias: true };

test("sizes of subgroups: the device's one, or those that a shader can ask for", () => {
  assert.equal(subgroupsOf({ subgroupSize: 8 }), [{ lanes: 8 }]);
  assert.equal(subgroupsOf({ subgroupSize: null }), []);
  assert.equal(subgroupsOf(AMD), [{ lanes: 32, asked: true }, { lanes: 64, asked: true }]);
  assert.is(enableSubgroups({ lanes: 8 }), "enable subgroups;\n");
  assert.is(subgroupAttribute({ lanes: 8 }), "");
  assert.is(subgroupAttribute({ lanes: 64, asked: true }), " @subgroup_size(64)");
});

test("where sizes vary, kernels that need one ask for it, each of them a candidate; where they cannot, they are not offered", () => {
  const broadcasts = (limits: Limits) =>
    [...convForward.tunings({ ...PROBLEM, slope: 0 }, limits), ...convBackwardWeight.tunings(PROBLEM, limits)]
      .filter((tuning) => (tuning as { family: string }).family === "broadcast") as unknown as { lanes: number }[];
  assert.equal([...new Set(broadcasts(AMD).map(({ lanes }) => lanes))].sort(), [32, 64]);
  const { subgroupSizes: _, ...unable } = AMD;
  assert.equal(broadcasts(unable), []);
  const matrix: MatrixConfig = { ...{ m: 16, n: 16, k: 16 }, lanes: 32, asked: true, dialect: "vectors" };
  const half = { ...PROBLEM, slope: 0, dtype: "f16" } as const;
  const tuning = convForward.tunings(half, { ...AMD, matrix }).find((each) =>
    (each as { family: string }).family === "matrix"
  );
  const { code } = convForward.stages(half, tuning!).dispatches[0]!.shader;
  assert.match(code, "enable subgroup_size_control;");
  assert.match(code, / @subgroup_size\(32\)\nfn main/);
});

test("the device has the subgroups that were set for it", async () => {
  const expected = process.env["EXPECTED_LANES"];
  if (expected !== undefined) assert.is((await gpu()).limits.subgroupSize, Number(expected));
});

/** Broadcasts of all rows and sizes on this device, asking for the size that it has anyway. */
test("kernels that ask for a size compute what they should", async () => {
  const { device, limits } = await gpu(), { subgroupSize: lanes } = limits;
  if (lanes === null || lanes < 8 || !device.features.has("subgroup-size-control" as GPUFeatureName)) {
    return console.log("\n  skipped: no subgroups of a size that a shader can ask for");
  }
  const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const xShape = [2, 6, 6, 8], yShape = [2, 6, 6, 40], wShape = [3, 3, 8, 40];
  const x = random(count(xShape), 1), w = random(count(wShape), 2), dy = random(count(yShape), 3), b = random(40, 4);
  for (const rows of [16, 32, 64]) {
    const tuning = { family: "broadcast", rows, lanes, asked: true, stores: 4 };
    const [y] = await runOp(convForward, { ...PROBLEM, slope: null }, tuning, {
      reads: [{ shape: xShape, data: x }, { shape: wShape, data: w }, { shape: [40], data: b }],
      writes: [{ shape: yShape }],
    });
    assert.ok(relativeError(y!, reference.convForward(PROBLEM, x, w, b)) < 2e-6, `${rows} rows`);
  }
  const tuning = { family: "broadcast", lanes, asked: true, parts: 2, stores: 4 };
  const [dw] = await runOp(convBackwardWeight, PROBLEM, tuning, {
    reads: [{ shape: xShape, data: x }, { shape: yShape, data: dy }],
    writes: [{ shape: wShape }, { shape: [40] }],
  });
  assert.ok(relativeError(dw!, reference.convBackwardWeight(PROBLEM, x, dy)) < 2e-6);
});

test.run();
