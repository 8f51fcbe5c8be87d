/** Kernels that are wrong now and then, or only where sums are long: what the tuner must see. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import { PLAIN_PRODUCT } from "../../kernels/conv/families/direct.ts";
import { type Stages, write } from "../../kernels/kernel.ts";
import { pipelineFor } from "../../core/device/pipeline.ts";
import { draw, key } from "../../core/graph/random.ts";
import { tuneOps } from "../../core/tune/tune.ts";
import { openBench } from "../../core/tune/tune_bench.ts";
import { openTuneCache } from "../../core/tune/tune_cache.ts";
import { rowOf } from "../../core/tune/tune_entry.ts";
import { gpu } from "../_gpu.ts";
import { inFolder } from "../cli/_run.ts";
import { at, faultyOp, MAIN, PROBLEM, same, SEARCH, shader, then, withCode } from "./_faulty.ts";

test("a kernel that the device computes wrong in one run of ten does not become the winner", async () => {
  const context = await gpu(), NEVER = () => false, drawn = key(15, 0, 0);
  const conv = faultyOp({ plain: same, fine: withCode((code) => `${code}// fine\n`) });
  const bench = await openBench(context, conv, NEVER), right = withCode((code) => `${code}// right\n`);
  const wrong = then(`${at(0, "y", "read_write")}${MAIN} { y[7] = 2.0 * y[7] + 1e4; }`, [write(0)]);
  const [good, bad] = await Promise.all([right, wrong].map(async (fault) => {
    const stages = fault(convForward.stages(PROBLEM, PLAIN_PRODUCT));
    const pipelines = await Promise.all(
      stages.dispatches.map(({ shader }) => pipelineFor(context.device, "", shader.code)),
    );
    return { stages, pipelines };
  }));
  // What each check runs is drawn, as on a device that goes wrong now and then.
  const results: boolean[] = [], truth: boolean[] = [];
  for (let round = 0; round < 40; round++) {
    const fails = draw(drawn, round) % 10 === 0;
    truth.push(fails);
    results.push((await bench.check(fails ? bad! : good!, round)) !== null);
  }
  assert.equal(results, truth);
  assert.ok(truth.includes(true) && truth.filter(Boolean).length < 10);
  bench.close(null);
  context.check();
});

test("a kernel that leaves a value unwritten is found in each check, whatever ran before it", async () => {
  const context = await gpu(), conv = faultyOp({ plain: same });
  const bench = await openBench(context, conv, () => false);
  const idle: Stages = { scratch: [], dispatches: [{ shader: shader(`${MAIN} {}`), bindings: [] }] };
  const pipelines = [await pipelineFor(context.device, "", idle.dispatches[0]!.shader.code)];
  for (let round = 0; round < 6; round++) {
    assert.match(
      (await bench.check({ stages: idle, pipelines }, round)) ?? "right",
      /^leaves 480 values of y unwritten/,
    );
  }
  bench.close(null);
});

test("a kernel that is wrong only at a large inner dimension is rejected there, at the real one", async () => {
  const context = await gpu();
  await inFolder(async (folder) => {
    for (const [inChannels, status] of [[1024, "timed"], [4096, "rejected"]] as const) {
      const problem = {
        ...PROBLEM,
        batch: 1,
        height: 2,
        width: 2,
        outHeight: 2,
        outWidth: 2,
        inChannels,
        kernel: 1,
        padding: 0,
      };
      // Vectors of four channels: it forgets those behind the 2048th.
      const fault = withCode((code) =>
        code.replace(/k < (\d+)u/, (_, count) => `k < ${Math.min(Number(count), 512)}u`)
      );
      const conv = faultyOp({ plain: same, short: fault }, problem);
      const cache = await openTuneCache(context.scope, assert.unreachable, folder);
      const [outcome] = await tuneOps(context, [conv], cache, SEARCH), row = rowOf(outcome!.entry, { fault: "short" })!;
      assert.is(row.status, status, `${inChannels}: ${row.reason}`);
      if (status === "rejected") assert.match(row.reason, /^computes y wrong on /);
    }
  });
});

test.run();
