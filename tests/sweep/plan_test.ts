import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { divergence, PATIENCE } from "../../sweep/divergence.ts";
import { bytesOf } from "../../sweep/disk.ts";
import { gridPoints, PAPER_GRID, parseAxis } from "../../sweep/grid.ts";
import { cellsOf, countCells } from "../../sweep/plan.ts";
import { type CellRecord, PENDING } from "../../sweep/record.ts";
import { resultsOf } from "../../sweep/results.ts";
import { inFolder } from "../cli/_run.ts";
import { epochOf, planIn, RATE } from "./_cells.ts";

async function refusal(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    assert.instance(error, UserError, String(error));
    return (error as UserError).message;
  }
  throw new Error("not refused");
}

test("a grid: values as YAML, several multiply; nonsense is refused", async () => {
  assert.equal(parseAxis(PAPER_GRID), { path: RATE, values: [0.25, 0.1, 0.05, 0.01] });
  assert.equal(parseAxis("training.learningRate.epochs=[1,2],[3]").values, [[1, 2], [3]]);
  assert.equal(gridPoints([`${RATE}=1,2`, "training.batch=64,128"]), [
    { [RATE]: 1, "training.batch": 64 },
    { [RATE]: 1, "training.batch": 128 },
    { [RATE]: 2, "training.batch": 64 },
    { [RATE]: 2, "training.batch": 128 },
  ]);
  for (const text of ["foo", "=1", "a.b=", "a=[1"]) {
    assert.match(await refusal(() => parseAxis(text)), /^Cannot read --grid .*: expected path=value,value, as /);
  }
  assert.match(await refusal(() => parseAxis(`${RATE}=0.1,0.10`)), /0\.1 is in it twice$/);
  assert.match(await refusal(() => gridPoints(["a=1", "a=2"])), /^Cannot use --grid a=2: another --grid /);
});

test("a plan: folders tell configs, values, seeds and data apart; errors name what is wrong", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder, ["a", "b"], { protocol: "both", seeds: 2 });
    const ids = cellsOf(plan, []).map(({ cell }) => cell.id);
    assert.is(ids.length, 16);
    assert.is(countCells(plan), 16);
    assert.equal(ids.slice(0, 5), [
      "a/0.1-0-held-out",
      "a/0.1-1-held-out",
      "a/0.05-0-held-out",
      "a/0.05-1-held-out",
      "a/0.1-0",
    ]);
    for (const { cell, config } of plan.cells) {
      assert.is(config.training.learningRate.base, cell.values[RATE]);
      assert.is(config.dataset.holdOut, cell.data === "heldOut" ? 1000 : undefined);
    }
    const two = await planIn(folder, ["a"], { grids: [`${RATE}=0.1`, "network.0.conv.kernel=5"] });
    assert.equal(cellsOf(two, []).map(({ cell }) => cell.id), ["a/0.1_network.0.conv.kernel=5-0"]);
    assert.match(
      await refusal(() => planIn(folder, ["a"], { grids: ["training.rate=1"] })),
      /^--grid .* training.rate: unknown key/,
    );
    assert.match(
      await refusal(() => planIn(folder, ["a"], { settings: ["training.rate=1"] })),
      /^setting training.rate=1 training.rate: unknown/,
    );
    assert.match(await refusal(() => planIn(folder, ["a", "a"])), /another config is named a too$/);
    // Two checkpoints of parameters and velocity each, and one more while it is written.
    assert.is(bytesOf(cellsOf(two, [])), 3 * 8 * (5 * 5 * 3 * 10 + 10) + 2 ** 18);
  }));

/** The records of a plan, with the errors that `errorOf` gives; null diverged, undefined is not over. */
const recordsOf = (
  cells: readonly CellRecord[],
  errorOf: (cell: CellRecord) => number | null | undefined,
): CellRecord[] =>
  cells.map((cell) => {
    const error = errorOf(cell);
    if (error === undefined) return cell;
    if (error === null) return { ...cell, state: "diverged" };
    return { ...cell, state: "done", ...cell.data === "all" ? { testError: error } : { heldOutError: error } };
  });

test("both protocols choose: the paper's by test error, the sound one by held-out images; seeds that diverged count", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder, ["a"], { protocol: "both", seeds: 2 });
    const cells = plan.cells.map(({ cell }) => ({ ...cell, ...PENDING }));
    const errors: Record<string, number | null> = {
      "a/0.1-0": 8,
      "a/0.1-1": 10,
      "a/0.05-0": 11,
      "a/0.05-1": 12,
      "a/0.1-0-held-out": 7,
      "a/0.1-1-held-out": null,
      "a/0.05-0-held-out": 13,
      "a/0.05-1-held-out": 15,
    };
    const [paper, sound] = resultsOf({ protocol: "both", cells: recordsOf(cells, ({ id }) => errors[id]) });
    assert.equal(paper, {
      config: "a",
      protocol: "paper",
      values: { [RATE]: 0.1 },
      complete: true,
      chosenBy: 9,
      cells: ["a/0.1-0", "a/0.1-1"],
      testError: 9,
      deviation: Math.SQRT2,
    });
    assert.equal([sound!.values, sound!.chosenBy, sound!.testError, sound!.complete], [
      { [RATE]: 0.05 },
      14,
      11.5,
      true,
    ]);
    const half = recordsOf(cells, ({ id }) => id === "a/0.1-0" ? 8 : undefined);
    assert.equal(resultsOf({ protocol: "both", cells: half }).map(({ complete }) => complete), [false]);
  }));

test("the sound protocol alone trains on all images once the rate is chosen, and only then", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder, ["a"], { protocol: "sound" }), held = cellsOf(plan, []);
    assert.equal(held.map(({ cell }) => cell.id), ["a/0.1-0-held-out", "a/0.05-0-held-out"]);
    assert.is(countCells(plan), 3);
    const cells = held.map(({ cell }) => ({ ...cell, ...PENDING }));
    const first = recordsOf(cells, ({ id }) => id.includes("0.1") ? 20 : undefined);
    assert.is(cellsOf(plan, first).length, 2);
    const all = recordsOf(cells, ({ id }) => id.includes("0.1") ? 20 : 10);
    assert.equal(cellsOf(plan, all).map(({ cell }) => cell.id), [...cells.map(({ id }) => id), "a/0.05-0"]);
    assert.equal(cellsOf(plan, recordsOf(cells, () => null)).length, 2, "nothing learned: nothing to retrain");
  }));

test("a run is lost after ten epochs in a row at chance, not in a slow start, not where it is better on either set", () => {
  const epochs = (count: number, error: number | null, trainError?: number, from = 1) =>
    Array.from({ length: count }, (_, i) => epochOf(from + i, error, trainError));
  assert.is(divergence(epochs(PATIENCE - 1, 90), 10), null);
  assert.match(divergence(epochs(PATIENCE, 90), 10)!, /^stuck at chance: after epoch 10 the training error is 90\.0 %/);
  assert.is(divergence(epochs(30, 88.9), 10), null);
  assert.is(divergence(epochs(30, 80, 90), 10), null, "dropout hides in training what it has learned");
  assert.is(divergence(epochs(30, 90, 80), 10), null);
  assert.ok(divergence(epochs(PATIENCE, null, 90.2), 10), "epochs that were not evaluated");
  assert.is(divergence([...epochs(9, 90), epochOf(10, 85)], 10), null);
  assert.ok(divergence([...epochs(50, 20), ...epochs(PATIENCE, 90, 90, 51)], 10), "one that fell back");
  assert.is(divergence(epochs(30, 98), 100), null);
  assert.ok(divergence(epochs(PATIENCE, 99), 100));
});

test.run();
