import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  classStatistics,
  confidentMistakes,
  confusions,
  judge,
  type Judged,
  wilsonInterval,
} from "../../training/class_statistics.ts";

const near = (found: number, expected: number, what: string) =>
  assert.ok(Math.abs(found - expected) < 1e-12, `${what}: ${found}, expected ${expected}`);

test("Wilson's interval: by hand with z = 2, and tabled values of 95 %", () => {
  // z = 2, n = 4, p = 1/2: middle 1/2, half 2 sqrt(1/16 + 1/16) / (1 + 1) = 1 / sqrt(8).
  const [low, high] = wilsonInterval(2, 4, 2);
  near(low, 0.5 - Math.sqrt(1 / 8), "low");
  near(high, 0.5 + Math.sqrt(1 / 8), "high");
  // z = 2, n = 12, p = 1/4: (1/4 + 1/6) / (4/3) = 5/16; half 2 sqrt(3/192 + 1/144) / (4/3) = 1.5 sqrt(13/576).
  const [third, fourth] = wilsonInterval(3, 12, 2);
  near(third, 5 / 16 - 1.5 * Math.sqrt(13) / 24, "low of 3 in 12");
  near(fourth, 5 / 16 + 1.5 * Math.sqrt(13) / 24, "high of 3 in 12");
  // Nothing of n: 0 to z^2 / (n + z^2).
  assert.is(wilsonInterval(0, 6, 2)[0], 0);
  near(wilsonInterval(0, 6, 2)[1], 0.4, "high of none");
  near(wilsonInterval(6, 6, 2)[0], 0.6, "low of all");
  assert.is(wilsonInterval(6, 6, 2)[1], 1);
  assert.equal(wilsonInterval(0, 0), [0, 1]);
  for (const [count, expected] of [[1, "0.0179 0.4042"], [5, "0.2366 0.7634"]] as const) {
    assert.is(wilsonInterval(count, 10).map((bound) => bound.toFixed(4)).join(" "), expected);
  }
});

test("Wilson's bounds are the shares that lie z standard errors from what was found", () => {
  for (const [count, examples] of [[1, 7], [195, 1000], [9, 10]] as const) {
    for (const bound of wilsonInterval(count, examples)) {
      const distance = Math.abs(count / examples - bound) / Math.sqrt(bound * (1 - bound) / examples);
      assert.ok(Math.abs(distance - 1.959964) < 1e-6, `${count} of ${examples}: ${distance}`);
    }
  }
});

test("an example's class is the first largest output; its rank counts what comes before the true one", () => {
  const logits = Float32Array.of(/**/ 1, 3, 2, /**/ 5, 5, 5, /**/ 0, 2, 2, /**/ -1, -2, -3);
  const probabilities = logits.map((_, i) => i / 100);
  assert.equal(
    judge(logits, probabilities, Uint32Array.of(2, 1, 2, 0), 8),
    [
      { index: 8, label: 2, predicted: 1, rank: 1, probability: probabilities[1]! },
      { index: 9, label: 1, predicted: 0, rank: 1, probability: probabilities[3]! },
      { index: 10, label: 2, predicted: 1, rank: 1, probability: probabilities[7]! },
      { index: 11, label: 0, predicted: 0, rank: 0, probability: probabilities[9]! },
    ],
  );
});

/** Of each [true class, predicted class] an example, of these probabilities. */
const examples = (pairs: readonly (readonly [number, number, number?])[]): Judged[] =>
  pairs.map(([label, predicted, probability = 0.5], index) => ({
    index,
    label,
    predicted,
    rank: label === predicted ? 0 : 1,
    probability,
  }));

test("confusion matrix and accuracies of three classes, one of them without examples", () => {
  const judged = examples([[0, 0], [0, 1], [0, 1], [0, 0], [1, 1], [1, 0], [0, 0]]);
  const { error, top5Error, accuracy, confusion } = classStatistics(judged, 3);
  assert.equal(confusion, [[3, 2, 0], [1, 1, 0], [0, 0, 0]]);
  assert.is(top5Error, null);
  assert.equal([error.count, error.examples], [3, 7]);
  near(error.percent, 300 / 7, "error");
  assert.equal(error.interval, wilsonInterval(3, 7).map((bound) => 100 * bound));
  assert.equal(accuracy.map(({ count, examples, percent }) => [count, examples, percent]), [
    [3, 5, 60],
    [1, 2, 50],
    [0, 0, NaN],
  ]);
  assert.equal(accuracy[2]!.interval, [0, 100]);
  assert.equal(confusions(confusion), [{ label: 0, predicted: 1, count: 2 }, { label: 1, predicted: 0, count: 1 }]);
});

test("top-5 errors, of more than ten classes alone", () => {
  const ranked = [0, 4, 5, 7].map((rank, index) => ({ index, label: 1, predicted: 2, rank, probability: 1 }));
  assert.equal(classStatistics(ranked, 11).top5Error!.percent, 50);
  assert.equal(classStatistics(ranked, 11).error.percent, 75);
  assert.is(classStatistics(ranked, 10).top5Error, null);
});

test("the most confident mistakes come first, equal ones by index; what is right is none", () => {
  const judged = examples([[0, 1, 0.6], [0, 0, 0.99], [1, 0, 0.9], [2, 1, 0.6], [2, 0, 0.7]]);
  assert.equal(confidentMistakes(judged, 9).map(({ index }) => index), [2, 4, 0, 3]);
  assert.equal(confidentMistakes(judged, 2).map(({ index }) => index), [2, 4]);
});

test.run();
