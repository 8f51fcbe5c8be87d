import { test } from "uvu";
import * as assert from "uvu/assert";
import { pipelineFor } from "../../core/device/pipeline.ts";
import { gpu } from "../_gpu.ts";

test("a compile error names the op and shows the generated line with its neighbours", async () => {
  const { device } = await gpu();
  const code = "// one\n// two\nfn main() { undefined_name(); }\n// four\n// five\n// six";
  try {
    await pipelineFor(device, "conv1/forward", code);
    assert.unreachable();
  } catch (error) {
    const lines = (error as Error).message.split("\n");
    assert.match(lines[0]!, /conv1\/forward, line 3: .*undefined_name/);
    assert.equal(lines.slice(-5).map((line) => line.slice(0, 6)), ["     1", "     2", ">    3", "     4", "     5"]);
  }
});

test("equal code is compiled once", async () => {
  const { device } = await gpu();
  const code = "@compute @workgroup_size(1) fn main() {}";
  assert.is(await pipelineFor(device, "a", code), await pipelineFor(device, "b", code));
});

test.run();
