import { test } from "uvu";
import * as assert from "uvu/assert";
import { searchTasks } from "../../core/tune_budget.ts";
import { rowOf, timedRows } from "../../core/tune_entry.ts";
import { tasksOf } from "../../core/tune_task.ts";
import { inFolder } from "../cli/_run.ts";
import { type Behaviour, fakeOp, fakeSearch, LIMITS } from "./_tuning.ts";

const budget = (seconds: number, again = false) => ({ seconds, spent: 0, again, onOutcome: () => {} });

/** "op n", each compiled in 0.1 s; the n-th candidate runs 1 / (n + 1) ms. */
const faster: (code: string) => Behaviour = (code) => ({ run: 0.001 / (Number(code.split(" ")[1]) + 1), compile: 0.1 });

const opNamed = (label: string, count: number, problem?: unknown) =>
  fakeOp(label, count, (n) => `${label} ${n}`, problem);

test("the fastest wins, the default is tried first, the near ones are sampled again", () =>
  inFolder(async (root) => {
    const search = await fakeSearch(faster, { root }), tasks = await tasksOf([opNamed("a", 6)], LIMITS);
    const [outcome] = await searchTasks(tasks, budget(60), search);
    assert.equal(search.tried, ["a 0", "a 1", "a 2", "a 3", "a 4", "a 5"]);
    assert.equal(outcome!.entry.winner, { n: 5 });
    const samples = [0, 1, 2, 3, 4, 5].map((n) => rowOf(outcome!.entry, { n })!.samples);
    assert.equal(samples, [1, 1, 1, 1, 2, 5]); // 4 is 20 % slower: sampled until that is certain
    assert.is(timedRows(outcome!.entry).length, 6);
    assert.is(outcome!.note, "");
  }));

test("what is as fast as the default within the noise does not replace it", () =>
  inFolder(async (root) => {
    const near = (code: string) => ({ run: code === "a 0" ? 0.001 : 0.00099, compile: 0.1 });
    const search = await fakeSearch(near, { root }), tasks = await tasksOf([opNamed("a", 3)], LIMITS);
    assert.equal((await searchTasks(tasks, budget(60), search))[0]!.entry.winner, { n: 0 });
  }));

test("near the roofline a search ends early", () =>
  inFolder(async (root) => {
    const search = await fakeSearch(faster, { root, floorSeconds: 0.00031 });
    const [outcome] = await searchTasks(await tasksOf([opNamed("a", 9)], LIMITS), budget(60), search);
    assert.equal(search.tried, ["a 0", "a 1", "a 2"]); // 0.333 ms
    assert.match(outcome!.note, "roofline");
  }));

test("a second search measures nothing, a larger budget goes on where a smaller ended", () =>
  inFolder(async (root) => {
    const tasks = await tasksOf([opNamed("a", 20), opNamed("b", 20)], LIMITS);
    const first = await fakeSearch(faster, { root });
    const outcomes = await searchTasks(tasks, budget(2), first);
    assert.ok(first.tried.length > 4 && first.tried.length < 20, first.tried.join());
    assert.ok(outcomes.every(({ entry, note }) => entry.winner !== null && note === "the budget was used up"));

    const second = await fakeSearch(faster, { root });
    const again = await searchTasks(tasks, budget(2), second);
    assert.equal(second.tried, []);
    assert.equal(again.map(({ entry }) => entry.winner), outcomes.map(({ entry }) => entry.winner));

    const third = await fakeSearch(faster, { root });
    await searchTasks(tasks, budget(100), third);
    const known = new Set(first.tried), fresh = third.tried.filter((code) => !known.has(code));
    assert.is(new Set(fresh).size, 40 - known.size);
    // Of those known before, only the fastest of each is tried again, beside the new ones.
    assert.ok(third.tried.length - fresh.length <= 4, third.tried.join());
  }));

test("a changed shader is measured again, and nothing else", () =>
  inFolder(async (root) => {
    const before = await tasksOf([opNamed("a", 6)], LIMITS), search = await fakeSearch(faster, { root });
    await searchTasks(before, budget(60), search);
    const changed = fakeOp("a", 6, (n) => n === 2 ? "a 2 changed" : `a ${n}`);
    const second = await fakeSearch(faster, { root });
    await searchTasks(await tasksOf([changed], LIMITS), budget(60, true), second);
    assert.equal(second.tried, ["a 2 changed"]);

    // Where the winner's shader changed, even a search with the same budget looks again.
    const winner = fakeOp("a", 6, (n) => n === 5 ? "a 5 changed" : `a ${n}`),
      third = await fakeSearch(faster, { root });
    const [outcome] = await searchTasks(await tasksOf([winner], LIMITS), budget(60), third);
    assert.ok(third.tried.includes("a 5 changed"));
    assert.equal(outcome!.entry.winner, { n: 5 });

    // New candidates are tried.
    const fourth = await fakeSearch(faster, { root });
    await searchTasks(await tasksOf([fakeOp("a", 8, (n) => `a ${n}`)], LIMITS), budget(60), fourth);
    assert.ok(["a 6", "a 7"].every((code) => fourth.tried.includes(code)));
  }));

test("another scope knows nothing of the first", () =>
  inFolder(async (root) => {
    const tasks = await tasksOf([opNamed("a", 3)], LIMITS);
    const [one, other] = [
      await fakeSearch(faster, { root, scope: "driver 1" }),
      await fakeSearch(faster, { root, scope: "driver 2" }),
    ];
    await searchTasks(tasks, budget(60), one);
    await searchTasks(tasks, budget(60), other);
    assert.is(other.tried.length, 3);
    assert.is.not(one.cache.folder, other.cache.folder);
  }));

test("equal problems are searched once, and count as often as they occur", async () => {
  const tasks = await tasksOf([opNamed("a", 3, { x: 1 }), opNamed("b", 3, { x: 1 }), opNamed("c", 3)], LIMITS);
  assert.equal(tasks.map(({ labels }) => labels), [["a", "b"], ["c"]]);
  assert.equal(await tasksOf([opNamed("a", 1)], LIMITS), []); // no choice
});

test("no search exceeds its budget, however slow compiling is", () =>
  inFolder(async (root) => {
    for (const [index, [seconds, compile]] of [[10, 1.5], [10, 0.01], [3, 2], [60, 7], [1, 0.4]].entries()) {
      // Longer shaders take longer, in proportion.
      const code = (n: number) => `a ${n} ${"x".repeat(50 * (n % 4))}`;
      const behave = (text: string) => ({ run: 0.01, compile: compile! * (1 + text.length / 60) / 4 });
      const search = await fakeSearch(behave, { root: `${root}/${index}`, floorSeconds: 0.001 });
      const ops = ["a", "b", "c"].map((label) => fakeOp(label, 30, code));
      await searchTasks(await tasksOf(ops, LIMITS), budget(seconds!), search);
      assert.ok(search.now() <= seconds!, `${search.now()} of ${seconds} s`);
      assert.ok(search.tried.length >= 2, `${search.tried.length} tried in ${seconds} s`);
    }
  }));

test("time goes where most can be won: each task gets its share, what one leaves goes to the others", () =>
  inFolder(async (root) => {
    // "large" takes a hundred times as long as "small", and only its last candidate is fast.
    const behave = (text: string): Behaviour => {
      const [label, n] = text.split(" ");
      return { run: (label === "large" ? 0.1 : 0.001) * (n === "25" ? 0.3 : 1), compile: 0.2 };
    };
    const ops = ["small", "large"].map((label) => opNamed(label, 26));
    const search = await fakeSearch(behave, { root, floorSeconds: 0.0001 });
    const [, large] = await searchTasks(await tasksOf(ops, LIMITS), budget(40), search);
    assert.equal(large!.entry.winner, { n: 25 });
    assert.ok(search.tried.filter((code) => code.startsWith("small")).length > 5);
  }));

test("a candidate that ended the program is not tried again", () =>
  inFolder(async (root) => {
    const tasks = await tasksOf([opNamed("a", 4)], LIMITS), search = await fakeSearch(faster, { root });
    const crash = async () => {
      const bench = await search.openBench(tasks[0]!.op, () => false);
      return {
        ...bench,
        attempt: (stages: Parameters<typeof bench.attempt>[0]) =>
          stages.dispatches[0]!.shader.code === "a 2"
            ? Promise.reject(new Error("lost"))
            : bench.attempt(stages, () => false),
      };
    };
    const check = () => {
      throw new Error("no more device");
    };
    let thrown = "";
    await searchTasks(tasks, budget(60), { ...search, openBench: crash, check }).catch(({ message }) =>
      thrown = message
    );
    assert.match(thrown, /^The device was lost while a was tried with \{"n":2\}, .*start again.*\(no more device\)$/);
    const entry = await search.cache.read(tasks[0]!);
    assert.is(rowOf(entry!, { n: 2 })!.status, "unfinished");

    const second = await fakeSearch(faster, { root });
    const [outcome] = await searchTasks(tasks, budget(60), second);
    assert.not.ok(second.tried.includes("a 2"));
    assert.equal(outcome!.entry.winner, { n: 3 });
    assert.match(rowOf(outcome!.entry, { n: 2 })!.reason, "the program ended");
  }));

test.run();
