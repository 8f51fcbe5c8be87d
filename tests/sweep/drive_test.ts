import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { DivergedError, UserError } from "../../core/host/errors.ts";
import { driveSweep } from "../../sweep/drive.ts";
import { localExecutor } from "../../sweep/executor.ts";
import type { SweepPlan } from "../../sweep/plan.ts";
import { type CellRecord, readRecord, type SweepRecord } from "../../sweep/record.ts";
import { NotExactError } from "../../training/exact_resume.ts";
import type { trainRun } from "../../training/run.ts";
import type { RunOptions } from "../../training/run_options.ts";
import { inFolder } from "../cli/_run.ts";
import { cellOptions, fakeTrainer, planIn } from "./_cells.ts";

/** Drives a sweep with a trainer of its own; returns the record, and the cells that were trained, in order. */
async function drive(plan: SweepPlan, out: string, train: typeof trainRun, interrupted = () => false) {
  const trained: string[] = [], errors: string[] = [], states: string[] = [];
  const counted: typeof trainRun = async (options) => {
    trained.push(`${options.out.slice(out.length + 1)} from ${options.resumed?.rows.length ?? 0}`);
    return await train(options);
  };
  const executor = localExecutor(
    { ...cellOptions(out, counted), interrupted, status: () => {} },
    (id, reason) => errors.push(`${id}: ${reason}`),
  );
  const record = await driveSweep({
    plan,
    out,
    executor,
    interrupted,
    onChange: (_, changed) => changed !== null && states.push(`${changed.id} ${changed.state}`),
  });
  assert.equal(await readRecord(out), JSON.parse(JSON.stringify(record)), "sweep.json is the last record");
  return { record, trained, errors, states };
}

const cell = ({ cells }: SweepRecord, id: string): CellRecord => cells.find((each) => each.id === id)!;
const rateOf = ({ config }: RunOptions) => config.training.learningRate.base;

test("every cell is trained once; what is over is skipped, what was deleted is trained again", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder, ["a", "b"]), out = `${folder}/sweep`;
    const errors = fakeTrainer((options, epoch) => 100 * rateOf(options) - epoch);
    const first = await drive(plan, out, errors);
    assert.equal(first.trained, ["a/0.1-0", "a/0.05-0", "b/0.1-0", "b/0.05-0"].map((id) => `${id} from 0`));
    assert.equal(first.states.slice(0, 2), ["a/0.1-0 running", "a/0.1-0 done"]);
    const { epoch, seconds, testError, bestTestError, attempts, state } = cell(first.record, "b/0.05-0");
    assert.equal({ epoch, seconds, testError, bestTestError, attempts, state }, {
      epoch: 3,
      seconds: 6,
      testError: 2,
      bestTestError: 2,
      attempts: 1,
      state: "done",
    });
    assert.equal(first.record.results.map(({ config, testError }) => [config, testError]), [["a", 2], ["b", 2]]);

    assert.equal((await drive(plan, out, errors)).trained, []);
    rmSync(`${out}/b/0.1-0`, { recursive: true });
    assert.equal((await drive(plan, out, errors)).trained, ["b/0.1-0 from 0"]);
    rmSync(`${out}/sweep.json`); // the folders of the runs tell the same
    const again = await drive(plan, out, errors);
    assert.equal(again.trained, []);
    assert.equal(again.record.results, first.record.results);

    // More seeds and another rate are added; another config under the same name is refused, another file is no record.
    const more = await planIn(folder, ["a"], { grids: ["training.learningRate.base=0.05,0.01"], seeds: 2 });
    const added = await drive(more, out, errors);
    assert.equal(added.trained, ["a/0.05-1", "a/0.01-0", "a/0.01-1"].map((id) => `${id} from 0`));
    assert.is(added.record.cells.length, 7);
    for (const settings of [["training.batch=16"], ["training.epochs=5"]]) {
      const other = await planIn(folder, ["a"], { settings, grids: ["training.learningRate.base=0.7"] });
      const refused = await drive(other, out, errors).then(() => "", ({ message }: Error) => message);
      assert.match(refused, /another config, training\.(batch is 32 there and 16|epochs is 3 there and 5) now; choose/);
    }
    writeFileSync(`${out}/sweep.json`, "{}");
    assert.match(
      await drive(plan, out, errors).then(() => "", ({ message }: Error) => message),
      /it is no record of a sweep/,
    );
  }));

test("an interrupted cell goes on from its checkpoint; the others wait", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder, ["a"]), out = `${folder}/sweep`;
    let epochs = 0;
    const train = fakeTrainer(() => (epochs++, 50));
    const first = await drive(plan, out, train, () => epochs >= 2);
    assert.equal(first.trained, ["a/0.1-0 from 0"]);
    assert.equal(first.record.cells.map(({ state }) => state), ["pending", "pending"]);
    const second = await drive(plan, out, train);
    assert.equal(second.trained, ["a/0.1-0 from 2", "a/0.05-0 from 0"]);
    assert.is(epochs, 6);
    assert.is(cell(second.record, "a/0.1-0").epoch, 3);
  }));

test("a cell that fails is tried once more, from its checkpoint; then it is reported, and the next start tries again", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder, ["a"]), out = `${folder}/sweep`;
    let broken = 1;
    const train = fakeTrainer((options, epoch) => {
      if (rateOf(options) === 0.1 && epoch === 2 && broken-- > 0) throw new UserError("the disk is full");
      return 50;
    });
    const once = await drive(plan, out, train);
    assert.equal(once.trained, ["a/0.1-0 from 0", "a/0.1-0 from 1", "a/0.05-0 from 0"]);
    assert.equal(once.errors, ["a/0.1-0: the disk is full"]);
    assert.equal([cell(once.record, "a/0.1-0").state, cell(once.record, "a/0.1-0").attempts], ["done", 2]);

    rmSync(`${out}/a/0.1-0`, { recursive: true });
    broken = 2;
    const { record, trained, errors } = await drive(plan, out, train);
    assert.equal([trained.length, errors.length], [2, 2]);
    const { state, reason, attempts } = cell(record, "a/0.1-0");
    assert.equal({ state, reason, attempts }, { state: "failed", reason: "the disk is full", attempts: 2 });
    assert.equal((await drive(plan, out, train)).trained, ["a/0.1-0 from 1"]);
  }));

test("a cell whose loss is no number, or that stays at chance, stops there, says why, and is not tried again", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder, ["a"], { settings: ["training.epochs=50"] }), out = `${folder}/sweep`;
    const train = fakeTrainer((options, epoch) => {
      if (rateOf(options) === 0.1 && epoch === 3) {
        throw new DivergedError("The loss became NaN before step 7", "try less");
      }
      return 90;
    });
    const { record, errors } = await drive(plan, out, train);
    assert.equal(errors, []);
    const [nan, stuck] = record.cells;
    assert.equal([nan!.state, nan!.reason, nan!.epoch], ["diverged", "The loss became NaN before step 7", 2]);
    assert.equal([stuck!.state, stuck!.epoch], ["diverged", 10]);
    assert.match(stuck!.reason!, /^stuck at chance/);
    assert.equal(JSON.parse(readFileSync(`${out}/a/0.05-0/cell.json`, "utf8")).state, "diverged");
    assert.equal((await drive(plan, out, train)).trained, []);
    assert.equal(record.results, []);
  }));

test("a cell that another device goes on with says that its rounding is another", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder, ["a"], { grids: ["training.learningRate.base=0.1"] }), out = `${folder}/sweep`;
    let epochs = 0;
    await drive(plan, out, fakeTrainer(() => (epochs++, 50)), () => epochs >= 1);
    const plain = fakeTrainer(() => 40);
    const { record, trained } = await drive(plan, out, async (options) => {
      if (!options.allowRetune) throw new NotExactError("the run was made on another device");
      return await plain(options);
    });
    assert.equal(trained, ["a/0.1-0 from 1", "a/0.1-0 from 1"]);
    assert.equal([record.cells[0]!.state, record.cells[0]!.retuned, record.cells[0]!.attempts], ["done", true, 1]);
  }));

test.run();
