import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDevice } from "../../core/device/device.ts";
import { fittingSizes, probeMatrix, type SubgroupMatrixConfig } from "../../core/device/probe_matrix.ts";
import { pipelineFor } from "../../core/device/pipeline.ts";
import { DIALECTS, type MatrixDialect } from "../../kernels/matrix_config.ts";
import { matrixProbe } from "../../kernels/measure/matrix_probe.ts";
import { gpu } from "../_gpu.ts";
import { NULL_LANES, nullDevice } from "../_null_device.ts";

const config = (from: string, to: string, M: number, N: number, K: number): SubgroupMatrixConfig => ({
  componentType: from,
  resultComponentType: to,
  M,
  N,
  K,
});

test("of the sizes on offer, those from f16 to f32 with sides of 8 or 16 fit, the largest first", () => {
  const offered = [
    config("f16", "f16", 16, 16, 16),
    config("f16", "f32", 16, 8, 8),
    config("f16", "f32", 16, 16, 16),
    config("f16", "f32", 8, 8, 4),
    config("f16", "f32", 32, 32, 16),
    config("i8", "i32", 16, 16, 32),
  ];
  assert.equal(fittingSizes(offered), [{ m: 16, n: 16, k: 16 }, { m: 16, n: 8, k: 8 }]);
  assert.equal(fittingSizes([]), []);
});

test("every dialect's probe is valid for Dawn's null back end, which computes nothing: no dialect passes", async () => {
  const device = await nullDevice();
  const compile = (dialect: MatrixDialect, order: "row_major" | "col_major", [m, n, k]: readonly number[]) => {
    const { code } = matrixProbe({ m: m!, n: n!, k: k!, lanes: NULL_LANES, dialect }, order).shader;
    return pipelineFor(device, `${dialect} ${order} ${m}x${n}x${k}`, code);
  };
  for (const dialect of ["vectors", "scalars"] as const) {
    for (const size of [[16, 16, 16], [16, 8, 8], [8, 16, 16]]) {
      for (const order of ["row_major", "col_major"] as const) await compile(dialect, order, size);
    }
  }
  await compile("flag", "col_major", [16, 16, 16]); // once: Dawn prints a warning for each deprecated call
  assert.is(
    await probeMatrix(device, [config("f16", "f32", 16, 16, 16)], [{ lanes: NULL_LANES }], ["vectors", "scalars"]),
    null,
  );
  device.destroy();
});

test("the probe finds the dialects that compute right products: emulations here, real matrices do not compile", async () => {
  const { device, limits: { subgroupSize, f16 } } = await gpu();
  if (subgroupSize !== 8 || f16 !== true) {
    return console.log("\n  skipped: no f16 or no subgroups of 8, which the emulation needs");
  }
  const size = [config("f16", "f32", 8, 8, 8)];
  for (const dialect of ["emulated", "emulated_scalars"] as const) {
    const expected = { m: 8, n: 8, k: 8, lanes: 8, dialect };
    assert.equal(await probeMatrix(device, size, [{ lanes: 8 }], [...DIALECTS, dialect]), expected);
  }
});

test("a device that is asked for matrix units says whether it has any; its limits are the same where it has none", async () => {
  const { limits, description } = await gpu(), opened = await openDevice({ matrix: true });
  const { matrix, ...others } = opened.limits;
  assert.match(
    opened.description,
    matrix === undefined ? "no matrix units that can be used" : "not run on hardware yet",
  );
  assert.not.match(description, "matrix");
  assert.equal(others, limits);
  opened.close();
});

test.run();
