import { test } from "uvu";
import * as assert from "uvu/assert";
import { learningRateSchedule } from "../../core/schedule.ts";

const close = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual / expected - 1) < 1e-12, `${what}: ${actual}, expected ${expected}`);

test("the paper's S = [200, 250, 300]: a tenth after 200, 250 and 300 finished epochs", () => {
  const rate = learningRateSchedule({ base: 0.05, factor: 0.1, epochs: [200, 250, 300] });
  // Epochs count from 0, so the 200th epoch is number 199.
  const cases = [[0, 0.05], [199, 0.05], [200, 0.005], [249, 0.005], [250, 5e-4], [299, 5e-4], [300, 5e-5], [
    349,
    5e-5,
  ]];
  for (const [epoch, expected] of cases) close(rate(0, epoch!), expected!, `epoch ${epoch}`);
});

test("the rate is a function of the epoch alone: asked backward it answers the same", () => {
  const rate = learningRateSchedule({ base: 1, factor: 0.5, epochs: [1, 2] });
  assert.equal([3, 2, 1, 0].map((epoch) => rate(7, epoch)), [0.25, 0.25, 0.5, 1]);
});

test("without epochs the rate stays at its base", () => {
  const rate = learningRateSchedule({ base: 0.1, factor: 0.1, epochs: [] });
  assert.equal([rate(0, 0), rate(1000, 1000)], [0.1, 0.1]);
});

test("boundaries in iterations: a tenth from step 200 000 and from step 400 000 on, whatever the epoch", () => {
  const rate = learningRateSchedule({ base: 0.01, factor: 0.1, iterations: [200_000, 400_000] });
  const cases = [[0, 0.01], [199_999, 0.01], [200_000, 0.001], [399_999, 0.001], [400_000, 1e-4], [449_999, 1e-4]];
  for (const [step, expected] of cases) close(rate(step!, 3), expected!, `step ${step}`);
});

test("decay: the rate falls as exp(-decay * epoch) from its base in epoch 0", () => {
  const rate = learningRateSchedule({ base: 0.003, factor: 1, decay: 0.005 });
  assert.is(rate(10, 0), 0.003);
  close(rate(0, 1), 0.003 * Math.exp(-0.005), "epoch 1");
  close(rate(0, 809), 5.2529113967382824e-5, "epoch 809");
  const both = learningRateSchedule({ base: 1, factor: 0.5, epochs: [2], iterations: [30], decay: 0.1 });
  close(both(30, 2), 0.25 * Math.exp(-0.2), "all three at once");
});

test.run();
