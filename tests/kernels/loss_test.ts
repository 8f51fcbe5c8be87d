import { test } from "uvu";
import * as assert from "uvu/assert";
import { accumulateMetrics } from "../../kernels/train/accumulate_metrics.ts";
import { softmaxCrossEntropy } from "../../kernels/train/softmax_cross_entropy.ts";
import { NO_LABEL } from "../../kernels/labels.ts";
import { random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";

async function loss(logits: ArrayLike<number>, labels: readonly number[], gradient = true) {
  const batch = labels.length, classes = logits.length / batch;
  const reads = [{ shape: [batch, classes], data: logits }, { shape: [batch], data: labels, dtype: "u32" as const }];
  // Writes start from 7: a row that is skipped instead of zeroed shows.
  const writes = [[batch, 4], ...(gradient ? [[batch, classes]] : [])].map((shape) => ({
    shape,
    data: new Float64Array(shape[0]! * shape[1]!).fill(7),
  }));
  const [results, dlogits] = await runOp(
    softmaxCrossEntropy,
    { batch, classes, gradient: gradient ? { examples: batch } : null },
    {},
    { reads, writes },
  );
  return { results: results!, dlogits: dlogits ?? null };
}

for (const [batch, classes] of [[1, 2], [5, 10], [70, 7]] as const) {
  test(`softmax_cross_entropy [${batch}, ${classes}]: loss, errors and gradient agree with float64`, async () => {
    const logits = random(batch * classes).map((value) => 8 * value);
    const labels = Array.from({ length: batch }, (_, n) => (3 * n + 1) % classes);
    const { results, dlogits } = await loss(logits, labels);
    const row = (n: number) => logits.subarray(n * classes, (n + 1) * classes);
    const expected = labels.flatMap((label, n) => {
      const { loss, errors } = reference.softmaxCrossEntropy(row(n), [label], classes);
      return [loss, errors, 1, 0];
    });
    assert.ok(relativeError(results, expected) < 1e-5);
    assert.ok(relativeError(dlogits!, reference.softmaxCrossEntropy(logits, labels, classes).dlogits) < 1e-5);
    const { results: alone } = await loss(logits, labels, false);
    assert.is(relativeError(alone, results), 0, "the same results without the gradient");
  });
}

test("softmax_cross_entropy: an example without label counts nothing and gets no gradient", async () => {
  const classes = 10, logits = random(4 * classes);
  const { results, dlogits } = await loss(logits, [3, NO_LABEL, 0, NO_LABEL]);
  const valid = [0, 2].flatMap((n) => [...logits.subarray(n * classes, (n + 1) * classes)]);
  const half = reference.softmaxCrossEntropy(Float64Array.from(valid), [3, 0], classes).dlogits; // a mean over 2, not 4
  assert.equal([...results.slice(4, 8), ...results.slice(12)], new Array(8).fill(0));
  assert.is(results[2]! + results[10]!, 2);
  for (const n of [1, 3]) assert.ok(dlogits!.slice(n * classes, (n + 1) * classes).every((value) => value === 0));
  const kept = [...dlogits!.slice(0, classes), ...dlogits!.slice(2 * classes, 3 * classes)];
  assert.ok(relativeError(kept, half.map((value) => value / 2)) < 1e-5);
});

test("softmax_cross_entropy: logits of 1e4 neither overflow nor lose the loss", async () => {
  const { results, dlogits } = await loss([1e4, 0, -1e4, 1e4, 0, -1e4, -1e4, -1e4, -1e4], [0, 2, 1]);
  const losses = [results[0], results[4], results[8]];
  assert.ok(relativeError(losses as number[], [0, 2e4, Math.log(3)]) < 1e-6, String(losses));
  assert.ok(Math.abs(losses[2]! - Math.log(3)) < 1e-2); // alone, because 2e4 outweighs it above
  const third = 1 / 3;
  assert.ok(relativeError(dlogits!, [0, 0, 0, third, 0, -third, third / 3, -2 * third / 3, third / 3]) < 1e-5);
});

test("softmax_cross_entropy: of equal logits the first is the prediction", async () => {
  const { results } = await loss([2, 2, 1, 2, 2, 1, 0, 2, 2], [0, 1, 1]);
  assert.equal([results[1], results[5], results[9]], [0, 1, 0]);
});

for (const batch of [1, 64, 130]) {
  test(`accumulate_metrics: adds the sums of ${batch} examples to what is there`, async () => {
    const results = random(batch * 4), before = [1, 20, 300, 0.5];
    // Ones behind the last example: reading past the end gives zeros on one device and the last element on another.
    const data = [...results, ...new Array<number>(64 * 4).fill(1)];
    const operands = { reads: [{ shape: [batch + 64, 4], data }], writes: [{ shape: [4], data: before }] };
    const [metrics] = await runOp(accumulateMetrics, { batch }, {}, operands);
    const sums = reference.sumRows(4, results);
    assert.is(relativeError(metrics!, sums.map((sum, k) => sum + before[k]!)), 0); // multiples of 1/1024: exact
  });
}

test.run();
