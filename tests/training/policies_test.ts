/** When a training is saved, and what is shown of it when: decided without a device. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkpointPolicy, type Moment } from "../../training/checkpoint_policy.ts";
import { checkPlace, lengthOf, stepsIn } from "../../training/length.ts";
import { statusOf, statusPolicy } from "../../training/status.ts";

const MOMENTS: readonly Moment[] = ["start", "step", "evaluation", "interruption", "end"];

test("a checkpoint is due at start, interruption and end; after minutes of steps; before an evaluation sooner", () => {
  let milliseconds = 1000;
  const policy = checkpointPolicy(5, () => milliseconds);
  const due = () => MOMENTS.filter(policy.due);
  assert.equal(due(), ["start", "interruption", "end"]);
  milliseconds += 29_000;
  assert.equal(due(), ["start", "interruption", "end"]);
  milliseconds += 2000;
  assert.equal(due(), ["start", "evaluation", "interruption", "end"]);
  milliseconds += 5 * 60_000;
  assert.equal(due(), MOMENTS);
  policy.saved();
  assert.equal(due(), ["start", "interruption", "end"]);
});

test("the running sums are looked at twice a second", () => {
  let milliseconds = 0;
  const policy = statusPolicy(() => milliseconds);
  assert.is(policy.due(), false);
  milliseconds = 501;
  assert.is(policy.due(), true);
  policy.restart();
  assert.is(policy.due(), false);
  milliseconds = 1003;
  assert.is(policy.due(), true);
});

test("a status tells means, speed and the time that is left", () => {
  const length = lengthOf({ batch: 10, iterations: 23 }, 105); // 10 steps an epoch, the third has 3
  assert.equal([0, 1, 2].map((epoch) => stepsIn(length, epoch)), [10, 10, 3]);
  const status = statusOf(length, { batch: 10, epoch: 1, done: 4, sums: [80, 10, 40, 0], seconds: 2 });
  assert.equal(status, {
    epoch: 2,
    epochs: 3,
    step: 4,
    steps: 10,
    loss: 2,
    error: 25,
    imagesPerSecond: 20,
    secondsLeft: 4.5, // 9 steps of 0.5 s
    evaluated: null,
  });
});

test("a place that a training of this length never reaches is refused", () => {
  const length = lengthOf({ batch: 10, epochs: 2 }, 100);
  for (const [step, epoch] of [[0, 0], [10, 0], [10, 1], [20, 1], [20, 2]] as const) {
    checkPlace(length, { step, epoch });
  }
  for (const [step, epoch] of [[11, 0], [9, 1], [19, 2], [20, 3]] as const) {
    assert.throws(
      () => checkPlace(length, { step, epoch }),
      `Cannot resume at step ${step} in epoch ${epoch + 1} of 2: an epoch has 10 steps; use the data`,
    );
  }
});

test.run();
