import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseMetrics } from "../../report/metrics.ts";

const ROW = {
  epoch: 2,
  learningRate: 0.05,
  trainLoss: 1.25,
  trainError: 40,
  testLoss: null,
  testError: null,
  imagesPerSecond: 1000,
  seconds: 5,
};

test("a row of metrics is read with and without what only some trainings measure", () => {
  for (const row of [ROW, { ...ROW, skippedUpdates: 3 }, { ...ROW, skipped: 1, waitingPercent: 2.5 }]) {
    assert.equal(parseMetrics(JSON.stringify(row)), row);
  }
  for (const row of [{ ...ROW, skippedUpdates: -1 }, { ...ROW, skippedUpdates: "3" }, { ...ROW, seconds: null }]) {
    assert.is(parseMetrics(JSON.stringify(row)), null);
  }
});

test.run();
