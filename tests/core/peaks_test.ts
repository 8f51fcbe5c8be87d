import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDevice } from "../../core/device/device.ts";
import { measurePeaks, type Peaks, roofline } from "../../core/measure/peaks.ts";
import { gpu } from "../_gpu.ts";

test("peaks are plausible, the same when asked again, and close when measured again, with either clock", async () => {
  const context = await gpu(), first = await measurePeaks(context);
  assert.is(await measurePeaks(context), first);
  const { flopsPerSecond, bytesPerSecond } = first;
  assert.ok(flopsPerSecond > 1e8 && flopsPerSecond < 1e16, `${flopsPerSecond}`);
  assert.ok(bytesPerSecond > 1e7 && bytesPerSecond < 1e14, `${bytesPerSecond}`);
  const other = await openDevice(); // peaks are kept by device
  const again = await measurePeaks({ ...other, timestamps: false });
  other.close();
  for (const key of ["flopsPerSecond", "bytesPerSecond"] as const) {
    // Others share the cores of a test machine: with a core each, it is twice as fast as with one for both.
    const ratio = first[key] / again[key];
    assert.ok(ratio > 1 / 3 && ratio < 3, `${key}: ${first[key]} and ${again[key]}`);
  }
});

test("the roofline is the longer of computing and moving", () => {
  const peaks: Peaks = { flopsPerSecond: 100, bytesPerSecond: 10 };
  assert.equal(roofline({ flops: 200, bytes: 10 }, peaks), { seconds: 2, bound: "compute" });
  assert.equal(roofline({ flops: 200, bytes: 40 }, peaks), { seconds: 4, bound: "memory" });
  assert.equal(roofline({ flops: 0, bytes: 5 }, peaks), { seconds: 0.5, bound: "memory" });
});

test.run();
