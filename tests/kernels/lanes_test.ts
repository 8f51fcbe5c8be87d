import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { gpu } from "../_gpu.ts";

/** llvmpipe as machines with other vectors have it; `LP_NATIVE_VECTOR_WIDTH=512 npm test -- kernels` runs all. */
for (const [bits, lanes] of [[128, 4], [512, 16]] as const) {
  test(`on llvmpipe with subgroups of ${lanes} lanes a sample of the kernels computes what it should`, async () => {
    const { description } = await gpu();
    if (!description.startsWith("llvmpipe")) return console.log("\n  skipped: the adapter is not llvmpipe");
    const env = {
      ...process.env,
      LP_NATIVE_VECTOR_WIDTH: String(bits),
      EXPECTED_LANES: String(lanes),
      TEST_DIR: `dist/tests_${lanes}`,
    };
    const { stdout } = spawnSync(process.execPath, ["dist/run_tests.js", "kernels/subgroups"], {
      env,
      encoding: "utf8",
    });
    assert.match(stdout, /\n4 passed, 0 failed\n/, stdout);
  });
}

test.run();
