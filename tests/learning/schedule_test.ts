import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LearningRateOptions, learningRateSchema, scheduleOf } from "../../learning/schedules/mod.ts";

/** The schedule of what stands under `learningRate:` in a config. */
const rateOf = (options: LearningRateOptions) => scheduleOf(learningRateSchema.parse(options));

/** A place in a training of 1000 steps. */
const at = (epoch: number, steps = 1000) => ({ epoch, steps });
const close = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual / expected - 1) < 1e-12, `${what}: ${actual}, expected ${expected}`);

test("the paper's S = [200, 250, 300]: a tenth after 200, 250 and 300 finished epochs", () => {
  const rate = rateOf({ base: 0.05, factor: 0.1, epochs: [200, 250, 300] });
  // Epochs count from 0, so the 200th epoch is number 199.
  const cases = [[0, 0.05], [199, 0.05], [200, 0.005], [249, 0.005], [250, 5e-4], [299, 5e-4], [300, 5e-5], [
    349,
    5e-5,
  ]];
  for (const [epoch, expected] of cases) close(rate(0, at(epoch!)), expected!, `epoch ${epoch}`);
});

test("the rate is a function of the epoch alone: asked backward it answers the same", () => {
  const rate = rateOf({ base: 1, factor: 0.5, epochs: [1, 2] });
  assert.equal([3, 2, 1, 0].map((epoch) => rate(7, at(epoch))), [0.25, 0.25, 0.5, 1]);
});

test("without epochs the rate stays at its base", () => {
  const rate = rateOf({ base: 0.1, factor: 0.1, epochs: [] });
  assert.equal([rate(0, at(0)), rate(1000, at(1000))], [0.1, 0.1]);
});

test("boundaries in iterations: a tenth from step 200 000 and from step 400 000 on, whatever the epoch", () => {
  const rate = rateOf({ base: 0.01, factor: 0.1, iterations: [200_000, 400_000] });
  const cases = [[0, 0.01], [199_999, 0.01], [200_000, 0.001], [399_999, 0.001], [400_000, 1e-4], [449_999, 1e-4]];
  for (const [step, expected] of cases) close(rate(step!, at(3)), expected!, `step ${step}`);
});

test("decay: the rate falls as exp(-decay * epoch) from its base in epoch 0", () => {
  const rate = rateOf({ base: 0.003, factor: 1, decay: 0.005 });
  assert.is(rate(10, at(0)), 0.003);
  close(rate(0, at(1)), 0.003 * Math.exp(-0.005), "epoch 1");
  close(rate(0, at(809)), 5.2529113967382824e-5, "epoch 809");
  const both = rateOf({ base: 1, factor: 0.5, epochs: [2], iterations: [30], decay: 0.1 });
  close(both(30, at(2)), 0.25 * Math.exp(-0.2), "all three at once");
});

test("cosine: half the rate in the middle of the training, and what is left at its end", () => {
  const rate = rateOf({ base: 0.2, factor: 1, cosine: {} });
  const cases = [[0, 0.2], [250, 0.1 * (1 + Math.SQRT1_2)], [500, 0.1], [750, 0.1 * (1 - Math.SQRT1_2)]];
  for (const [step, expected] of cases) close(rate(step!, at(3)), expected!, `step ${step}`);
  assert.ok(rate(999, at(9)) < 1e-6);
  const floored = rateOf({ base: 0.2, factor: 1, cosine: { final: 0.1 } });
  close(floored(500, at(0)), 0.2 * 0.55, "in the middle");
  close(floored(1000, at(0)), 0.02, "at the end");
});

test("warmup: equal steps up to the rate that would be due, which then goes on as without", () => {
  const rate = rateOf({ base: 0.1, factor: 0.5, iterations: [6], warmup: 4 });
  const rates = [0.025, 0.05, 0.075, 0.1, 0.1, 0.1, 0.05];
  rates.forEach((expected, step) => close(rate(step, at(0)), expected, `step ${step}`));
  const falling = rateOf({ base: 1, factor: 1, cosine: {}, warmup: 2 });
  close(falling(1, at(0, 4)), (1 + Math.SQRT1_2) / 2, "the last step of the warm-up");
});

test.run();
