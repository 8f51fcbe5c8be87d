import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile, type Plan } from "../../core/device/plan.ts";
import { op } from "../../core/graph/op.ts";
import { dispatchNames, profilePlan } from "../../core/measure/profile_plan.ts";
import { tensor } from "../../core/graph/tensor.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { peakCopy } from "../../kernels/measure/peak_copy.ts";
import { gpu } from "../_gpu.ts";

/** x -> y -> x, of 8192 vectors: two dispatches too short to be timed once. */
async function plan(): Promise<Plan> {
  const context = await gpu(), vectors = 8192;
  const x = tensor("x", [4 * vectors]), y = tensor("y", [4 * vectors]);
  const copy = (label: string, from: typeof x, to: typeof x) =>
    op(peakCopy, { vectors }, { label, reads: [from], writes: [to] });
  const program = { ops: [copy("there", x, y), copy("back", y, x)], keep: [x] };
  return await compile(context, program, defaultTuner(context.limits), new Map());
}

test("dispatches are named by their op, and numbered where it has several", () => {
  const labels = ["conv/dw", "conv/dw", "relu"].map((label) => ({ label }));
  assert.equal(dispatchNames(labels), ["conv/dw #1", "conv/dw #2", "relu"]);
});

test("a profile has every dispatch in order, short ones repeated until a sample is long enough", async () => {
  const context = await gpu(), compiled = await plan(), minimumSeconds = 2e-3;
  const { dispatches, passSeconds, timeline } = await profilePlan(context, compiled, { samples: 3, minimumSeconds });
  assert.equal(dispatches.map(({ name, op }) => [name, op]), [["there", "there"], ["back", "back"]]);
  for (const { seconds, repetitions, workgroups } of dispatches) {
    assert.ok(repetitions > 1, `${repetitions}`);
    assert.ok(seconds * repetitions > minimumSeconds / 4, `${seconds} * ${repetitions}`);
    assert.ok(seconds < minimumSeconds, `${seconds}`);
    assert.equal(workgroups, [8, 1, 1]);
  }
  assert.ok(passSeconds > 0);
  assert.is(timeline.passes.length, 2);
  context.check();
  compiled.destroy();
});

test.run();
