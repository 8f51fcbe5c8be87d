import { test } from "uvu";
import * as assert from "uvu/assert";
import { accumulateMetrics } from "../../kernels/softmax_cross_entropy.ts";
import { convForward } from "../../kernels/conv_forward.ts";
import { PLAIN } from "../../kernels/gather_families.ts";
import { sgdUpdate } from "../../kernels/sgd.ts";
import { op } from "../../core/op.ts";
import { stepTensor } from "../../core/step.ts";
import { tensor } from "../../core/tensor.ts";
import { cachedTuner, tuneOps } from "../../core/tune.ts";
import { openBench, recheck } from "../../core/tune_bench.ts";
import { openTuneCache } from "../../core/tune_cache.ts";
import { rowOf } from "../../core/tune_entry.ts";
import { gpu } from "../_gpu.ts";
import { inFolder } from "../cli/_run.ts";
import { type Fault, faultyConv } from "./_tuning.ts";

const never = () => false;

/** What a bench says of a candidate with this fault. */
async function attempt(fault: Fault) {
  const context = await gpu(), op = faultyConv([fault]), bench = await openBench(context, op, never);
  const result = await bench.attempt(op.kernel.stages(op.problem, { fault }), never);
  bench.close(null);
  context.check(); // nothing that a candidate does may reach the device's error handler
  return result;
}

/** Status and, in lower case, reason of a candidate that cannot be used. */
async function refusal(fault: Fault): Promise<string> {
  const result = await attempt(fault);
  return "reason" in result ? `${result.status}: ${result.reason}` : result.status;
}

test("a right candidate is timed", async () => {
  const result = await attempt("none, eight rows");
  assert.is(result.status, "timed", JSON.stringify(result));
  assert.ok(result.status === "timed" && result.seconds > 0 && result.seconds < 1);
});

test("a candidate that is wrong at one pixel is rejected", async () => {
  assert.match(await refusal("edge"), /^rejected: computes y wrong on random inputs: relative error .*e-[12]/);
});

test("a candidate that leaves values unwritten is rejected", async () => {
  assert.match(await refusal("unwritten"), /^rejected: leaves \d+ values of y unwritten/);
});

test("a candidate that reads what it has not written is rejected", async () => {
  assert.match(await refusal("uninitialized"), /^rejected: leaves 1 values of y unwritten or not finite/);
});

test("a candidate that does not compile is invalid, with the compiler's words", async () => {
  assert.match(await refusal("compile"), /^invalid: does not compile: .*line \d+: /);
});

test("a workgroup that the device does not allow is invalid", async () => {
  assert.match(await refusal("workgroup"), /^invalid: does not compile: .*4096/);
});

test("a search reports every fault, and chooses among what is right", () =>
  inFolder(async (root) => {
    const faults: Fault[] = ["none", "none, eight rows", "edge", "compile", "workgroup", "scratch", "unwritten"];
    const context = await gpu(), op = faultyConv([...faults, "generator"]), warnings: string[] = [];
    const cache = await openTuneCache(context.scope, (message) => warnings.push(message), root);
    const budget = { seconds: 120, spent: 0, again: true, stop: never, onCandidate: () => {}, onOutcome: () => {} };
    const [outcome] = await tuneOps(context, [op], cache, budget);
    assert.is(outcome!.measured, 8);
    const statuses = outcome!.task.candidates.map(({ tuning }) => rowOf(outcome!.entry, tuning)!.status);
    const refused = ["rejected", "invalid", "invalid", "invalid", "rejected", "invalid"];
    assert.equal(statuses, ["timed", "timed", ...refused]);
    const reason = (fault: Fault) => rowOf(outcome!.entry, { fault })!.reason;
    assert.match(reason("scratch"), "8192.0 MiB");
    assert.match(reason("generator"), "no such tile");
    assert.match((outcome!.entry.winner as { fault: string }).fault, "none");
    context.check();
    assert.equal(warnings, []);

    // A winner is checked again before its use, once, against what the search recorded.
    const entry = { ...outcome!.entry, winner: { fault: "none, eight rows" } };
    await cache.write(outcome!.task, entry);
    assert.equal(await cachedTuner(context, cache, (text) => warnings.push(text)).choose(op), entry.winner);
    assert.equal(warnings, []);
    const [projection] = entry.expected!.outputs, moved = { ...projection!, norm: 1.01 * projection!.norm };
    await cache.write(outcome!.task, { ...entry, expected: { ...entry.expected!, outputs: [moved] } });
    assert.equal(await cachedTuner(context, cache, (text) => warnings.push(text)).choose(op), { fault: "none" });
    assert.is(warnings.length, 1);
    assert.match(warnings[0]!, /the default is used$/);
    const after = (await cache.read(outcome!.task))!;
    assert.is(after.winner, null);
    assert.is(rowOf(after, entry.winner)!.status, "rejected");
  }));

test("what an op updates in place starts from the same values each time", async () => {
  const context = await gpu(), count = 1000;
  const [grads, params, velocity] = ["grads", "params", "velocity"].map((name) => tensor(name, [count]));
  const update = op(sgdUpdate, { count, momentum: 0.9, weightDecay: 0.001 }, {
    label: "sgd",
    reads: [grads!, stepTensor()],
    writes: [params!, velocity!],
  });
  const stages = update.kernel.stages(update.problem, {});
  const bench = await openBench(context, update, never);
  assert.equal(bench.expected.inPlace, [true, true]);
  for (let repeat = 0; repeat < 2; repeat++) assert.is((await bench.attempt(stages, never)).status, "timed");
  bench.close(null);
  assert.is(await recheck(context, update, stages, bench.expected), null);

  const metrics = op(accumulateMetrics, { batch: 100 }, {
    label: "metrics",
    reads: [tensor("results", [100, 4])],
    writes: [tensor("metrics", [4])],
  });
  const sums = await openBench(context, metrics, never);
  assert.equal(sums.expected.inPlace, [true]);
  sums.close(null);
  context.check();
});

test("a checked winner that computes something else is found out", async () => {
  const context = await gpu(), op = faultyConv(["none", "edge"]), bench = await openBench(context, op, never);
  const { expected } = bench;
  bench.close(null);
  const stages = (fault: Fault) => op.kernel.stages(op.problem, { fault });
  assert.is(await recheck(context, op, stages("none"), expected), null);
  assert.is(await recheck(context, op, stages("none, eight rows"), expected), null);
  assert.match(await recheck(context, op, stages("edge"), expected) ?? "", "relative error");
  assert.match(await recheck(context, op, stages("unwritten"), expected) ?? "", "unwritten");
  assert.match(await recheck(context, op, stages("compile"), expected) ?? "", "line");
  context.check();
});

test("a search ends with its budget while the reference runs", async () => {
  const context = await gpu();
  let error = "";
  await openBench(context, faultyConv(["none"]), () => true).catch(({ message }) => error = message);
  assert.match(error, "budget");
  assert.is((await attemptExpired()).status, "expired");
});

async function attemptExpired() {
  const context = await gpu(), op = faultyConv(["none"]), bench = await openBench(context, op, never);
  const result = await bench.attempt(convForward.stages(op.problem as never, PLAIN), () => true);
  bench.close(null);
  return result;
}

test.run();
