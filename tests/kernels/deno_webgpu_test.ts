/** A sample of these tests on Deno's own WebGPU: wgpu, and naga, the compiler of WGSL that Firefox has. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { denoRun } from "../cli/_run.ts";

/** Mesa's driver compiles for vectors of four in half the time. */
const env = { LP_NATIVE_VECTOR_WIDTH: "128" };

const SAMPLE = ["_own_webgpu.ts", "gather_test.ts", "random_test.ts"];

test("kernels agree with float64 on Deno's own WebGPU", async () => {
  for (const file of SAMPLE) {
    const running = denoRun(["--deny-ffi", "--no-check", `tests/kernels/${file}`], { env });
    if (running === null) return console.log("skipped: Deno is not installed");
    const { code, stdout, stderr } = await running;
    assert.is(code, 0, `${file}: ${stdout}\n${stderr}`);
    assert.match(stdout, /Skipped: +0\n/, file);
  }
});

test.run();
