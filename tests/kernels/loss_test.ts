import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Buffers, compile, run } from "../../core/device/plan.ts";
import { readTensor, writeTensor } from "../../core/device/transfer.ts";
import { tensor } from "../../core/graph/tensor.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { type LossConfig, losses } from "../../learning/losses/mod.ts";
import { accumulateMetrics } from "../../kernels/train/accumulate_metrics.ts";
import { softmaxCrossEntropy } from "../../kernels/train/softmax_cross_entropy.ts";
import { NO_LABEL, NO_TARGET } from "../../kernels/labels.ts";
import { gpu, random, relativeError, runOp } from "../_gpu.ts";
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
  assert.ok(relativeError([losses[2]!], [Math.log(3)]) < 1e-6); // alone, because 2e4 outweighs it above
  const third = 1 / 3;
  assert.ok(relativeError(dlogits!, [0, 0, 0, third, 0, -third, third / 3, -2 * third / 3, third / 3]) < 1e-5);
});

test("softmax_cross_entropy: the largest numbers that there are lose no digits", async () => {
  const big = 3e38, { results } = await loss([big, big, -1, 1e4, 1e4 + 1, 0], [1, 0]);
  const losses = [results[0]!, results[4]!], expected = [Math.log(2), Math.log(1 + Math.E)];
  losses.forEach((value, n) => assert.ok(relativeError([value], [expected[n]!]) < 1e-6, `${value}`));
});

/** Softmax and cross-entropy with smoothed labels and weights of classes, in float64. */
function smoothedLoss(logits: Float64Array, label: number, smoothing: number, weights: readonly number[]) {
  const classes = logits.length, largest = Math.max(...logits);
  const log = Math.log(logits.reduce((sum, value) => sum + Math.exp(value - largest), 0)) + largest,
    weight = weights[label]!;
  const wanted = (k: number) => (k === label ? 1 - smoothing : 0) + smoothing / classes;
  return {
    loss: weight * logits.reduce((sum, value, k) => sum + wanted(k) * (log - value), 0),
    dlogits: logits.map((value, k) => weight * (Math.exp(value - log) - wanted(k))),
  };
}

test("softmax_cross_entropy: smoothed labels and weights of classes agree with float64", async () => {
  const batch = 9, classes = 5, logits = random(batch * classes).map((value) => 6 * value);
  const labels = Array.from({ length: batch }, (_, n) => n % classes), weights = [1, 0.5, 2, 0, 3];
  for (const [labelSmoothing, classWeights] of [[0.1, undefined], [0, weights], [0.25, weights]] as const) {
    const operands = {
      reads: [{ shape: [batch, classes], data: logits }, { shape: [batch], data: labels, dtype: "u32" as const }],
      writes: [{ shape: [batch, 4] }, { shape: [batch, classes] }],
    };
    const options = { labelSmoothing, ...(classWeights && { classWeights }) };
    const problem = { batch, classes, gradient: { examples: batch }, ...options };
    const [results, dlogits] = await runOp(softmaxCrossEntropy, problem, {}, operands);
    const expected = labels.map((label, n) =>
      smoothedLoss(
        logits.subarray(n * classes, (n + 1) * classes),
        label,
        labelSmoothing,
        classWeights ?? [1, 1, 1, 1, 1],
      )
    );
    const losses = labels.map((_, n) => results![4 * n]!);
    assert.ok(relativeError(losses, expected.map(({ loss }) => loss)) < 1e-5, JSON.stringify(options));
    assert.ok(relativeError(dlogits!, expected.flatMap((each) => [...each.dlogits].map((v) => v / batch))) < 1e-5);
  }
});

const TARGET_LOSSES = {
  sigmoidCrossEntropy: {
    loss: (y: number, t: number) => Math.max(y, 0) - y * t + Math.log1p(Math.exp(-Math.abs(y))),
    dy: (y: number, t: number) => 1 / (1 + Math.exp(-y)) - t,
    wrong: (y: number, t: number) => (y > 0) !== (t > 0.5),
  },
  meanSquaredError: {
    loss: (y: number, t: number) => (y - t) ** 2,
    dy: (y: number, t: number) => 2 * (y - t),
    wrong: (y: number, t: number) => Math.abs(y - t) > 0.5,
  },
};

for (const [key, { loss: lossOf, dy, wrong }] of Object.entries(TARGET_LOSSES)) {
  test(`${key}: loss, errors and gradient agree with float64; padding counts nothing`, async () => {
    const batch = 6, outputs = 7, loss = losses.build({ [key]: {} } as LossConfig), context = await gpu();
    const y = random(batch * outputs).map((value) => 5 * value), t = random(batch * outputs, 2).map((v) => (v + 1) / 2);
    t[5 * outputs] = NO_TARGET;
    const persistent = { lifetime: "persistent" } as const, buffers: Buffers = new Map();
    const logits = tensor("y", [batch, outputs], persistent), target = tensor("t", [batch, outputs], persistent);
    const results = tensor("results", [batch, 4], persistent), dlogits = tensor("dy", [batch, outputs], persistent);
    await writeTensor(context, buffers, logits, Float32Array.from(y));
    await writeTensor(context, buffers, target, Float32Array.from(t));
    const ops = loss.ops(logits, target, results, { dlogits, examples: batch, lossScale: null });
    assert.equal(loss.target([batch, outputs]), { shape: [batch, outputs], dtype: "f32" });
    run(context, await compile(context, { ops, keep: [] }, defaultTuner(context.limits), buffers));
    const found = await readTensor(context, buffers, results), gradient = await readTensor(context, buffers, dlogits);
    const rows = Array.from({ length: 5 }, (_, n) => Array.from({ length: outputs }, (_, k) => n * outputs + k));
    const mean = (of: (y: number, t: number) => number, row: readonly number[]) =>
      row.reduce((sum, i) => sum + of(y[i]!, t[i]!), 0) / outputs;
    const expected = rows.flatMap((row) => [mean(lossOf, row), mean((a, b) => Number(wrong(a, b)), row), 1, 0]);
    assert.ok(relativeError(found, [...expected, 0, 0, 0, 0]) < 1e-5);
    const slopes = rows.flat().map((i) => dy(y[i]!, t[i]!) / outputs / batch);
    assert.ok(relativeError(gradient, [...slopes, ...new Array<number>(outputs).fill(0)]) < 1e-5);
  });
}

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
