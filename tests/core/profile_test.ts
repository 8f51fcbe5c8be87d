import { test } from "uvu";
import * as assert from "uvu/assert";
import { dropout } from "../../kernels/layer/dropout.ts";
import { op } from "../../core/graph/op.ts";
import { type Buffers, compile, type Plan } from "../../core/device/plan.ts";
import { median, repetitionsFor, timeDispatches, timePasses } from "../../core/measure/profile.ts";
import { tensor } from "../../core/graph/tensor.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { gpu } from "../_gpu.ts";

/** A plan with one op per count: dropout of zeros. */
async function plan(...counts: readonly number[]): Promise<Plan> {
  const context = await gpu(), buffers: Buffers = new Map();
  const step = tensor("step", [4], { dtype: "u32", lifetime: "persistent" });
  const ops = counts.map((count, index) => {
    const x = tensor(`x${index}`, [count]), y = tensor(`y${index}`, [count]);
    return op(dropout, { count, rate: 0.5, stream: 0, perExample: count }, {
      label: `op${index}`,
      reads: [x, step],
      writes: [y],
    });
  });
  return await compile(context, { ops, keep: [] }, defaultTuner(context.limits), buffers);
}

test("repetitions reach the minimum, as a power of two", () => {
  for (const seconds of [1e-6, 3e-6, 9.9e-5, 1e-4, 1]) {
    const count = repetitionsFor(seconds, 1e-4);
    assert.ok(count * seconds >= 1e-4 || count === 4096, `${seconds}`);
    assert.ok(count === 1 || count / 2 * seconds < 1e-4, `${seconds}`);
  }
  assert.is(repetitionsFor(0, 1e-4), 4096);
});

test("passes are timed in order, without overlap, and more work takes longer", async () => {
  const { dispatches } = await plan(2 ** 10, 2 ** 22);
  const context = await gpu(), passes = dispatches.map((each) => [each]);
  await timePasses(context, passes);
  const { passes: timed, host } = await timePasses(context, passes);
  assert.is(timed.length, 2);
  assert.ok(timed[1]!.start >= timed[0]!.start + timed[0]!.seconds);
  assert.ok(timed[1]!.seconds > 2 * timed[0]!.seconds, JSON.stringify(timed));
  assert.equal(host.map(({ name }) => name), ["encode", "submit", "wait"]);
  for (const [index, { start, seconds }] of host.entries()) {
    assert.ok(seconds >= 0);
    if (index > 0) assert.ok(Math.abs(start - host[index - 1]!.start - host[index - 1]!.seconds) < 1e-9);
  }
  context.check();
});

test("samples are seconds per repetition: short work repeated agrees with long work that is not", async () => {
  const context = await gpu(), { dispatches } = await plan(2 ** 20);
  const once = await timeDispatches(context, dispatches, { samples: 5, minimumSeconds: 0 });
  const often = await timeDispatches(context, dispatches, { samples: 3, minimumSeconds: 10 * median(once) });
  assert.is(once.length, 5);
  assert.is(often.length, 3);
  const ratio = median(often) / median(once);
  assert.ok(ratio > 1 / 3 && ratio < 3, `${ratio}`);
  context.check();
});

test("without timestamps the host's clock gives the same within its overhead", async () => {
  const context = await gpu(), { dispatches } = await plan(2 ** 20), options = { samples: 3, minimumSeconds: 0.02 };
  const device = median(await timeDispatches(context, dispatches, options));
  const host = median(await timeDispatches({ ...context, timestamps: false }, dispatches, options));
  assert.ok(host > device / 3 && host < 3 * device, `${host} and ${device}`);
});

test("the median", () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 2, 3]), 2.5);
});

test.run();
