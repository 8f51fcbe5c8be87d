import { test } from "uvu";
import * as assert from "uvu/assert";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import { scratch, write } from "../../kernels/kernel.ts";
import { sgdUpdate } from "../../kernels/train/sgd.ts";
import type { Context } from "../../core/device/device.ts";
import { type Op, op } from "../../core/graph/op.ts";
import { stepTensor } from "../../core/graph/step_data.ts";
import { tensor } from "../../core/graph/tensor.ts";
import { cachedTuner, searchTuner, tuneOps } from "../../core/tune/tune.ts";
import { openBench } from "../../core/tune/tune_bench.ts";
import { withinBudget } from "../../core/tune/within_budget.ts";
import { openTuneCache } from "../../core/tune/tune_cache.ts";
import { type Row, rowOf } from "../../core/tune/tune_entry.ts";
import { taskOf } from "../../core/tune/tune_task.ts";
import { gpu } from "../_gpu.ts";
import { inFolder } from "../cli/_run.ts";
import {
  at,
  type Fault,
  type Faulty,
  faultyOp,
  MAIN,
  PROBLEM,
  same,
  SEARCH,
  shader,
  then,
  withCode,
} from "./_faulty.ts";

/** What may be wrong with a candidate, and what its row must say. */
const FAULTS: Record<string, readonly [Fault, Row["status"], RegExp]> = {
  edge: [
    // The last channel of the first pixel, and of no other.
    then(`${at(0, "y", "read_write")}${MAIN} { y[7] += 0.5; }`, [write(0)]),
    "rejected",
    /^computes y wrong on random inputs: relative error /,
  ],
  unwritten: [
    (stages) => ({ ...stages, dispatches: [{ ...stages.dispatches[0]!, shader: shader(`${MAIN} {}`), bindings: [] }] }),
    "rejected",
    /^leaves 480 values of y unwritten or not finite$/,
  ],
  scratch: [
    then(`${at(0, "s", "read")}${at(1, "y", "read_write")}${MAIN} { y[0] += s[1]; }`, [scratch(0), write(0)], [16]),
    "rejected",
    /^leaves 1 values of y unwritten or not finite$/,
  ],
  syntax: [withCode((code) => `${code}\nfn broken(`), "invalid", /^does not compile: .*line \d+/],
  workgroup: [
    withCode((code) => code.replace(/@workgroup_size\([^)]*\)/, "@workgroup_size(65536)")),
    "invalid",
    /^does not compile: /,
  ],
  unbound: [
    (stages) => ({
      ...stages,
      dispatches: stages.dispatches.map((stage) => ({ ...stage, bindings: stage.bindings.slice(1) })),
    }),
    "invalid",
    /./,
  ],
  large: [(stages) => ({ ...stages, scratch: [2 ** 42] }), "invalid", /^needs a buffer of 4194304\.0 MiB, at most /],
  generated: [
    () => {
      throw new Error("no such tile");
    },
    "invalid",
    /^cannot be generated: no such tile$/,
  ],
};

test("a compilation that outlasts the budget is not waited for", async () => {
  let finish = () => {};
  const compiling = new Promise<string>((resolve) => finish = () => resolve("compiled"));
  assert.is(await withinBudget(compiling, () => true), null);
  finish();
  assert.is(await withinBudget(compiling, () => true), "compiled"); // what is there in time is taken
  assert.is(
    await withinBudget(Promise.reject(new Error("bad shader")), () => false).catch((e: Error) => e.message),
    "bad shader",
  );
});

test("candidates that are wrong or impossible are rows that say why; the device goes on", async () => {
  const context = await gpu();
  await inFolder(async (folder) => {
    const cache = await openTuneCache(context.scope, assert.unreachable, folder);
    const faults = Object.fromEntries(Object.entries(FAULTS).map(([name, [fault]]) => [name, fault]));
    // The fast one computes the same, with a comment that makes it another shader.
    const conv = faultyOp({ plain: same, ...faults, fine: withCode((code) => `${code}// fine\n`) });
    const [outcome] = await tuneOps(context, [conv], cache, SEARCH);
    for (const [fault, [, status, reason]] of Object.entries(FAULTS)) {
      const row = rowOf(outcome!.entry, { fault })!;
      assert.is(row.status, status, `${fault}: ${row.status} ${row.reason}`);
      assert.match(row.reason, reason, fault);
      assert.is(row.seconds, null);
    }
    for (const fault of ["plain", "fine"]) assert.ok(rowOf(outcome!.entry, { fault })!.seconds! > 0, fault);
    assert.ok(["plain", "fine"].includes((outcome!.entry.winner as Faulty).fault));
    context.check();
  });
});

test("an op that updates in place is tried on fresh operands each time", async () => {
  const context = await gpu(), count = 1000;
  const problem = { count, momentum: 0.9, weightDecay: 0.01, clear: false };
  const update = op(sgdUpdate, problem, {
    label: "sgd",
    reads: [tensor("grads", [count]), stepTensor()],
    writes: [tensor("params", [count]), tensor("velocity", [count])],
  });
  const bench = await openBench(context, update, () => false);
  assert.equal(bench.expected.inPlace, [true, true]);
  const attempt = await bench.attempt(sgdUpdate.stages(problem, {}), () => false);
  assert.is(attempt.status, "timed", JSON.stringify(attempt));
  bench.close(null);
  context.check();
});

/** A cache in which the candidate "fine" has won. */
async function wonByFine(context: Context, folder: string, conv: Op, warn: (message: string) => void) {
  const cache = await openTuneCache(context.scope, warn, folder), task = (await taskOf(conv, context.limits))!;
  const [outcome] = await tuneOps(context, [conv], cache, SEARCH);
  await cache.write(task, { ...outcome!.entry, winner: { fault: "fine" } });
  return { cache, task };
}

test("a cached winner is used if it is still right and generated as it was, else the default", async () => {
  const context = await gpu(), fine = withCode((code) => `${code}// fine\n`);
  await inFolder(async (folder) => {
    const warnings: string[] = [], warn = (message: string) => warnings.push(message);
    const conv = faultyOp({ plain: same, fine }), { cache } = await wonByFine(context, folder, conv, warn);
    const chosen = async (op: Op) => await cachedTuner(context, cache, warn).choose(op);
    assert.equal(await chosen(conv), { fault: "fine" });
    assert.equal(await chosen(faultyOp({ plain: same, fine: withCode((code) => `${code}// other\n`) })), {
      fault: "plain",
    });
    assert.equal(await chosen(faultyOp({ plain: same, more: fine })), { fault: "plain" });
    assert.equal(warnings, []);
  });
});

test("a cached winner that computes something else by now is dropped with a warning", async () => {
  const context = await gpu();
  await inFolder(async (folder) => {
    const warnings: string[] = [], warn = (message: string) => warnings.push(message);
    const conv = faultyOp({ plain: same, fine: withCode((code) => `${code}// fine\n`) });
    const { cache, task } = await wonByFine(context, folder, conv, warn);
    // As if a driver had changed what the same shader computes: the results that were recorded are others.
    const entry = (await cache.read(task))!, [output] = entry.expected!.outputs;
    const other = { ...output!, projections: output!.projections.map((value) => value + 0.01 * output!.norm) };
    await cache.write(task, { ...entry, expected: { ...entry.expected!, outputs: [other] } });
    const tuner = cachedTuner(context, cache, warn);
    assert.equal(await tuner.choose(conv), { fault: "plain" });
    assert.equal(await tuner.choose(conv), { fault: "plain" });
    assert.is(warnings.length, 1);
    assert.match(
      warnings[0]!,
      /^The tuning .* of conv, measured before, now computes y with a relative error of about 1/,
    );
    const dropped = (await cache.read(task))!;
    assert.is(dropped.winner, null);
    assert.is(rowOf(dropped, { fault: "fine" })!.status, "rejected");
  });
});

test("the tuner that searches measures what is unknown, once", async () => {
  const context = await gpu();
  await inFolder(async (folder) => {
    const conv = faultyOp({ plain: same, fine: withCode((code) => `${code}// fine\n`) });
    const measured: number[] = [];
    for (let start = 0; start < 2; start++) { // two starts of a program
      const cache = await openTuneCache(context.scope, assert.unreachable, folder);
      const tuner = searchTuner(context, cache, {
        budgetSeconds: 60,
        warn: assert.unreachable,
        stop: () => false,
        onCandidate: () => {},
        onSearched: ([outcome]) => measured.push(outcome!.measured),
      });
      await tuner.prepare!([conv]);
      assert.ok(await tuner.choose(conv));
    }
    assert.equal(measured, [2, 0]);
  });
});

test("a real kernel's first tunings pass the check", async () => {
  const context = await gpu();
  const { batch, height, width, inChannels, outChannels } = PROBLEM;
  const conv = op(convForward, PROBLEM, {
    label: "conv",
    reads: [
      tensor("x", [batch, height, width, inChannels]),
      tensor("w", [3, 3, inChannels, outChannels]),
      tensor("b", [outChannels]),
    ],
    writes: [tensor("y", [batch, height, width, outChannels])],
  });
  const bench = await openBench(context, conv, () => false), tunings = convForward.tunings(PROBLEM, context.limits);
  assert.ok(tunings.length > 1);
  for (const tuning of tunings.slice(0, 2)) {
    const attempt = await bench.attempt(convForward.stages(PROBLEM, tuning), () => false);
    assert.is(attempt.status, "timed", `${JSON.stringify(tuning)}: ${JSON.stringify(attempt)}`);
  }
  bench.close(null);
});

test.run();
