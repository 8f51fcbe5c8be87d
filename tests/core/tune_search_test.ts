import { test } from "uvu";
import * as assert from "uvu/assert";
import { convCost } from "../../kernels/conv/conv_problem.ts";
import type { Op } from "../../core/graph/op.ts";
import { leastSeconds } from "../../core/tune/tune.ts";
import { searchTasks } from "../../core/tune/tune_budget.ts";
import { openTuneCache } from "../../core/tune/tune_cache.ts";
import { tasksOf } from "../../core/tune/tune_task.ts";
import { inFolder } from "../cli/_run.ts";
import { type Clock, imaginedBench, imaginedOp, LIMITS } from "./_tuning.ts";

const BUDGET = { seconds: 60, spent: 0, again: false, onOutcome: () => {} };

/** Searches with a cache in `folder` and a new clock: the outcomes, what was tried, and the seconds that it took. */
async function search(folder: string, ops: readonly Op[], budget: Partial<typeof BUDGET> = {}) {
  const cache = await openTuneCache("device", assert.unreachable, folder), clock: Clock = { seconds: 1000 };
  const options = imaginedBench(cache, clock);
  const outcomes = await searchTasks(await tasksOf(ops, LIMITS), { ...BUDGET, ...budget }, options);
  return { outcomes, tried: options.tried, events: options.events, seconds: clock.seconds - 1000, cache };
}

const measured = (outcomes: readonly { readonly measured: number }[]) =>
  outcomes.reduce((sum, each) => sum + each.measured, 0);

test("the fastest wins, a wrong one never does, and what is known is not measured again", async () => {
  await inFolder(async (folder) => {
    const ops = [imaginedOp("a", ["0.04", "wrong", "0.02", "0.03"])];
    const { outcomes: [outcome], tried, events } = await search(folder, ops);
    assert.equal(outcome!.entry.winner, { n: 2 });
    assert.equal(tried.slice(0, 4), ["0.04", "wrong", "0.02", "0.03"]);
    assert.equal(events.filter((event) => !event.startsWith("check")), ["closed"]);
    const wrong = outcome!.entry.rows.find(({ status }) => status !== "timed")!;
    assert.is(`${wrong.status} ${wrong.reason} ${wrong.seconds}`, "rejected computes nonsense null");
    const again = await search(folder, ops);
    assert.equal([again.tried, measured(again.outcomes), again.seconds], [[], 0, 0]);
    assert.equal(again.outcomes[0]!.entry.winner, { n: 2 });
  });
});

test("a winner that is wrong in one check of ten is rejected, and the next best is checked before it takes its place", async () => {
  await inFolder(async (folder) => {
    const ops = [imaginedOp("a", ["0.04 1", "0.01 1 flaky", "0.03 1", "0.02 1"])];
    const { outcomes: [outcome], events, seconds } = await search(folder, ops);
    assert.equal(outcome!.entry.winner, { n: 3 });
    const flaky = outcome!.entry.rows.find(({ tuning }) => (tuning as { n: number }).n === 1)!;
    assert.is(flaky.status, "rejected");
    assert.match(flaky.reason, /^in check \d+ of a winner: computes nonsense$/);
    assert.is(flaky.seconds, null);
    const checks = events.filter((event) => event.startsWith("check"));
    assert.ok(checks.filter((event) => event === "check 0.02 1").length >= 5, checks.join());
    assert.ok(checks.length <= 80 && seconds < 10, `${checks.length} ${seconds}`);
  });
});

test("without the time to check a winner, the default is used; the next search checks it", async () => {
  await inFolder(async (folder) => {
    const ops = [imaginedOp("a", ["0.04", "0.01"])], clock: Clock = { seconds: 0 };
    const options = imaginedBench(await openTuneCache("device", assert.unreachable, folder), clock);
    const slow = {
      ...options,
      openBench: async (op: Op, expired: () => boolean) => ({
        ...await options.openBench(op, expired),
        check: () => {
          clock.seconds += 20;
          return Promise.resolve(null);
        },
      }),
    };
    const [outcome] = await searchTasks(await tasksOf(ops, LIMITS), BUDGET, slow);
    assert.equal(outcome!.entry.winner, { n: 0 });
    assert.ok(clock.seconds <= 60, `${clock.seconds}`);
    const again = await search(folder, ops, { again: true });
    assert.equal(again.outcomes[0]!.entry.winner, { n: 1 });
    assert.ok(again.events.filter((event) => event === "check 0.01").length >= 5);
  });
});

test("what is generated differently, or new, is measured, beside the default; nothing else is", async () => {
  await inFolder(async (folder) => {
    await search(folder, [imaginedOp("a", ["0.04", "0.02", "0.05"])]);
    const { outcomes: [outcome], tried } = await search(folder, [imaginedOp("a", ["0.04", "0.02", "0.01"])]);
    assert.equal(tried, ["0.04", "0.01"]);
    assert.equal(outcome!.entry.winner, { n: 2 });
    const more = await search(folder, [imaginedOp("a", ["0.04", "0.02", "0.01", "0.001"])]);
    assert.equal(more.tried, ["0.001"]); // far faster than the default: no need to time that again
    assert.equal(more.outcomes[0]!.entry.winner, { n: 3 });
  });
});

test("a winner that is generated differently now is searched again even with nothing else new", async () => {
  await inFolder(async (folder) => {
    await search(folder, [imaginedOp("a", ["0.04", "0.02"])]);
    const { outcomes: [outcome], tried } = await search(folder, [imaginedOp("a", ["0.04", "0.06"])]);
    assert.equal(tried, ["0.04", "0.06"]);
    assert.equal(outcome!.entry.winner, { n: 0 });
  });
});

test("what was timed on a busier machine does not make others seem fast", async () => {
  await inFolder(async (folder) => {
    const ops = [imaginedOp("a", ["0.04 5", "0.041 5", "0.05 5"])], [task] = await tasksOf(ops, LIMITS);
    const { cache } = await search(folder, ops), entry = (await cache.read(task!))!;
    const busier = entry.rows.filter(({ tuning }) => (tuning as { n: number }).n === 0)
      .map((row) => ({ ...row, seconds: 0.1 }));
    await cache.remove(task!);
    await cache.write(task!, { ...entry, rows: busier });
    for (const spent of [50, 46, 42, 30, 0]) { // however little time is left for a fair comparison
      const { outcomes: [outcome] } = await search(folder, ops, { spent, again: true });
      assert.equal(outcome!.entry.winner, { n: 0 }, `${spent}`);
    }
  });
});

test("equal problems are one task; those of another device's cache are another's", async () => {
  await inFolder(async (folder) => {
    const codes = ["0.04", "0.02"],
      ops = [imaginedOp("a", codes, 1), imaginedOp("b", codes, 1), imaginedOp("c", codes)];
    const { outcomes, cache } = await search(folder, ops);
    assert.equal(outcomes.map(({ task }) => task.labels), [["a", "b"], ["c"]]);
    const other = await openTuneCache("driver 2", assert.unreachable, folder);
    assert.is.not(other.folder, cache.folder);
    assert.is(await other.read(outcomes[0]!.task), null);
    assert.ok(await cache.read(outcomes[0]!.task));
  });
});

test("the default stays where no other is faster beyond the noise, and is kept under an instruction to go on", async () => {
  await inFolder(async (folder) => {
    const { outcomes: [outcome] } = await search(folder, [imaginedOp("a", ["0.0400", "0.0399"])], { again: true });
    assert.equal(outcome!.entry.winner, { n: 0 });
  });
});

test("the budget is never exceeded, however slow compiling is, and is used for the op that matters most", async () => {
  await inFolder(async (folder) => {
    const slow = (label: string, seconds: number) =>
      imaginedOp(label, Array.from({ length: 20 }, (_, n) => `${seconds / (n + 1)} 2`));
    const { outcomes, seconds } = await search(folder, [slow("small", 0.01), slow("large", 0.5), slow("tiny", 0.002)]);
    assert.ok(seconds <= 60, `${seconds}`);
    assert.ok(seconds > 40, `${seconds}`); // what is left is too little for another attempt
    const [small, large, tiny] = outcomes.map(({ entry }) => entry.rows.length);
    assert.ok(large! > small! && large! > tiny!, `${small} ${large} ${tiny}`);
    assert.ok(outcomes.every(({ task, entry }) => entry.rows.length < task.candidates.length));
    // A second start with as large a budget does not go on by itself.
    const again = await search(folder, outcomes.map(({ task }) => task.op));
    assert.is(measured(again.outcomes), 0);
    // `allcnn tune` does.
    assert.ok(measured((await search(folder, outcomes.map(({ task }) => task.op), { again: true })).outcomes) > 0);
  });
});

test("a budget that is spent measures nothing", async () => {
  await inFolder(async (folder) => {
    const { outcomes, seconds } = await search(folder, [imaginedOp("a", ["0.04", "0.02"])], { spent: 60 });
    assert.equal([measured(outcomes), seconds, outcomes[0]!.entry.winner], [0, 0, null]);
  });
});

test("a candidate in hand when the process ends is not tried again", async () => {
  await inFolder(async (folder) => {
    const ops = [imaginedOp("a", ["0.04", "0.01", "0.02"])], tasks = await tasksOf(ops, LIMITS);
    const cache = await openTuneCache("device", assert.unreachable, folder);
    const options = imaginedBench(cache, { seconds: 0 });
    const dying = {
      ...options,
      openBench: async (op: Op, expired: () => boolean) => {
        const bench = await options.openBench(op, expired);
        return {
          ...bench,
          attempt: (stages: Parameters<typeof bench.attempt>[0]) =>
            stages.dispatches[0]!.shader.code === "0.01"
              ? new Promise<never>(() => {})
              : bench.attempt(stages, expired),
        };
      },
    };
    void searchTasks(tasks, BUDGET, dying); // never ends, as if the process had
    for (let tries = 0; (await cache.read(tasks[0]!))?.rows.length !== 2 && tries < 500; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const { tried, outcomes: [outcome] } = await search(folder, ops);
    assert.not.ok(tried.includes("0.01"));
    assert.equal(outcome!.entry.winner, { n: 2 });
    assert.equal(outcome!.entry.rows.map(({ status }) => status).sort(), ["timed", "timed", "unfinished"]);
  });
});

test("a device that is lost ends the search, names the candidate, and leaves it out from then on", async () => {
  await inFolder(async (folder) => {
    const ops = [imaginedOp("a", ["0.04", "0.01", "0.02"])], tasks = await tasksOf(ops, LIMITS);
    const options = imaginedBench(await openTuneCache("device", assert.unreachable, folder), { seconds: 0 });
    let lost = false, message = "";
    const losing = {
      ...options,
      check() {
        if (lost) throw new Error("no more device");
      },
      openBench: async (op: Op, expired: () => boolean) => {
        const bench = await options.openBench(op, expired);
        return {
          ...bench,
          attempt(stages: Parameters<typeof bench.attempt>[0]) {
            lost = stages.dispatches[0]!.shader.code === "0.01";
            return lost ? Promise.reject(new Error("mapping failed")) : bench.attempt(stages, expired);
          },
        };
      },
    };
    await searchTasks(tasks, BUDGET, losing).catch((error: Error) => message = error.message);
    assert.match(message, /^The device was lost while a was tried with \{"n":1\}, .*start again.*\(no more device\)$/);
    const { tried, outcomes: [outcome] } = await search(folder, ops);
    assert.not.ok(tried.includes("0.01"));
    assert.equal(outcome!.entry.winner, { n: 2 });
  });
});

test("once all is known, no start with whatever budget needs the device's peaks", async () => {
  await inFolder(async (folder) => {
    const ops = [imaginedOp("a", ["0.04", "0.02"])];
    await search(folder, ops);
    const asked = async (seconds: number) => {
      const options = imaginedBench(await openTuneCache("device", assert.unreachable, folder), { seconds: 0 });
      let count = 0;
      const counting = { ...options, floor: (op: Op) => options.floor(op).finally(() => count++) };
      await searchTasks(await tasksOf(ops, LIMITS), { ...BUDGET, seconds }, counting);
      return count;
    };
    assert.is(await asked(60), 0);
    await asked(600); // may look whether there is something to do
    assert.is(await asked(600), 0);
  });
});

test("the roofline that ends a search is that of Winograd where it is on offer", () => {
  const shape = { batch: 8, height: 16, width: 16, outHeight: 16, outWidth: 16, inChannels: 96, outChannels: 96 };
  const cost = (kernel: number, stride: number) => convCost({ ...shape, kernel, stride, padding: 1 });
  const peaks = { flopsPerSecond: 1e12, bytesPerSecond: 1e15 }, exact = { ...LIMITS, exact: true };
  assert.is(leastSeconds(cost(3, 1), LIMITS, peaks), leastSeconds(cost(3, 1), exact, peaks) / 4);
  for (const each of [cost(3, 2), cost(5, 1), cost(1, 1)]) {
    assert.is(leastSeconds(each, LIMITS, peaks), each.flops / peaks.flopsPerSecond);
  }
  // Nobody measured what matrix units reach.
  const matrix = { m: 16, n: 16, k: 16, lanes: 32, dialect: "vectors" } as const;
  assert.is(leastSeconds(cost(3, 1), { ...LIMITS, matrix }, peaks), cost(3, 1).bytes / peaks.bytesPerSecond);
});

test("what the budget does not reach says so", async () => {
  await inFolder(async (folder) => {
    const ops = [imaginedOp("a", ["0.4 50", "0.2 50"]), imaginedOp("b", ["0.0004 50", "0.0002"])];
    const { outcomes } = await search(folder, ops);
    assert.ok(outcomes.some(({ entry }) => entry.rows.length === 0));
    for (const { entry, note } of outcomes) if (entry.rows.length === 0) assert.is(note, "the budget was used up");
    const options = imaginedBench(await openTuneCache("other", assert.unreachable, folder), { seconds: 0 });
    const stopped = await searchTasks(await tasksOf(ops, LIMITS), BUDGET, { ...options, stop: () => true });
    assert.equal(stopped.map(({ note }) => note), Array(2).fill("the search was interrupted"));
  });
});

test("one near the roofline ends the search", async () => {
  await inFolder(async (folder) => {
    const { tried, outcomes: [outcome] } = await search(folder, [imaginedOp("a", ["0.04", "0.00105", "0.001"])]);
    assert.not.ok(tried.includes("0.001"));
    assert.match(outcome!.note, "roofline");
  });
});

test.run();
