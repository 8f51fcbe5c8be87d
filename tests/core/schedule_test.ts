import { test } from "uvu";
import * as assert from "uvu/assert";
import { stepSchedule } from "../../core/schedule.ts";

const close = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual / expected - 1) < 1e-12, `${what}: ${actual}, expected ${expected}`);

test("the paper's S = [200, 250, 300]: a tenth after 200, 250 and 300 finished epochs", () => {
  const rate = stepSchedule({ base: 0.05, factor: 0.1, epochs: [200, 250, 300] });
  // Epochs count from 0, so the 200th epoch is number 199.
  const cases = [[0, 0.05], [199, 0.05], [200, 0.005], [249, 0.005], [250, 5e-4], [299, 5e-4], [300, 5e-5], [
    349,
    5e-5,
  ]];
  for (const [epoch, expected] of cases) close(rate(epoch!), expected!, `epoch ${epoch}`);
});

test("the rate is a function of the epoch alone: asked backward it answers the same", () => {
  const rate = stepSchedule({ base: 1, factor: 0.5, epochs: [1, 2] });
  assert.equal([3, 2, 1, 0].map(rate), [0.25, 0.25, 0.5, 1]);
});

test("without epochs the rate stays at its base", () => {
  const rate = stepSchedule({ base: 0.1, factor: 0.1, epochs: [] });
  assert.equal([rate(0), rate(1000)], [0.1, 0.1]);
});

test.run();
