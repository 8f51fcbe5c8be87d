import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ConvProblem, tapsOf } from "../kernels/conv/conv_problem.ts";
import { axesOf, sized } from "../kernels/per_axis.ts";
import { pooledSize } from "../kernels/layer/pool_windows.ts";
import { permutation } from "../core/graph/random.ts";
import { random, relativeError } from "./_gpu.ts";
import * as reference from "./_reference.ts";
import type { Numbers } from "./_reference.ts";

const dot = (a: Numbers, b: Numbers) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** The gradient of a scalar function by central differences. */
function differences(f: (x: Numbers) => number, x: Numbers, h = 1e-5): Numbers {
  return x.map((value, i) => {
    const at = (shifted: number) => f(x.map((other, j) => j === i ? shifted : other));
    return (at(value + h) - at(value - h)) / (2 * h);
  });
}

const CONVS: ConvProblem[] = ([
  // batch, height, width, in, out, kernel, stride, padding before, padding after
  [2, 5, 4, 2, 3, 3, 1, 1, 1],
  [1, 5, 6, 2, 2, 3, 2, 1, 1],
  [2, 4, 4, 1, 2, 3, 1, 0, 0],
  [1, 5, 5, 2, 1, 2, 1, 0, 1],
  [1, 7, 6, 1, 2, 5, 3, 2, 2],
  [2, 4, 5, 2, 2, 1, 2, 0, 0],
  [2, 5, 6, 2, 2, [2, 3], [2, 1], [1, 2], [0, 1]],
] as const).map(([batch, height, width, inChannels, outChannels, kernel, stride, padding, after]) => {
  const out = (at: 0 | 1, size: number) => {
    const [k, s, before, behind] = [kernel, stride, padding, after].map((each) => axesOf(each)[at]);
    return Math.floor((size + before! + behind! - k!) / s!) + 1;
  };
  const outHeight = out(0, height), outWidth = out(1, width);
  return { batch, height, width, inChannels, outChannels, kernel, stride, padding, outHeight, outWidth };
});

for (const p of CONVS) {
  test(`conv ${sized(p.kernel)} stride ${p.stride} padding ${p.padding}: dx, dw and db are the derivatives`, () => {
    const x = random(p.batch * p.height * p.width * p.inChannels, 1);
    const w = random(tapsOf(p) * p.inChannels * p.outChannels, 2), b = random(p.outChannels, 3);
    const dy = random(p.batch * p.outHeight * p.outWidth * p.outChannels, 4);
    const loss = (x: Numbers, w: Numbers, b: Numbers) => dot(dy, reference.convForward(p, x, w, b));
    assert.ok(relativeError(reference.convBackwardData(p, dy, w), differences((x) => loss(x, w, b), x)) < 1e-8);
    assert.ok(relativeError(reference.convBackwardWeight(p, x, dy), differences((w) => loss(x, w, b), w)) < 1e-8);
    assert.ok(relativeError(reference.sumRows(p.outChannels, dy), differences((b) => loss(x, w, b), b)) < 1e-8);
  });
}

test("conv: numbers worked out by hand, which derivatives alone cannot fix", () => {
  const geometry = { batch: 1, height: 3, width: 3, inChannels: 1, outChannels: 1, kernel: 3, padding: 1 };
  const x = Float64Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]), ones = new Float64Array(9).fill(1);
  const strided = { ...geometry, stride: 2, outHeight: 2, outWidth: 2 };
  assert.equal([...reference.convForward(strided, x, ones, null)], [12, 16, 24, 28]);
  // One tap at row 0, column 2 looks up and to the right: the kernel is not mirrored.
  const tap = new Float64Array(9).fill(0);
  tap[2] = 1;
  const dense = { ...geometry, stride: 1, outHeight: 3, outWidth: 3 };
  const b = Float64Array.from([10]);
  assert.equal([...reference.convForward(dense, x, tap, b)], [10, 10, 10, 12, 13, 10, 15, 16, 10]);
  // HWIO: of two inputs and two outputs, input 1 goes to output 0 alone.
  const point = { batch: 1, height: 1, width: 1, inChannels: 2, outChannels: 2, kernel: 1, stride: 1, padding: 0 };
  const mixed = { ...point, outHeight: 1, outWidth: 1 };
  assert.equal([...reference.convForward(mixed, x.slice(0, 2), Float64Array.from([0, 0, 3, 0]), null)], [6, 0]);
});

test("leaky ReLU: the gradient rule is the derivative, the other two drop negative signals", () => {
  const x = random(60, 1).map((value) => value === 0 ? 0.5 : value), dy = random(60, 2);
  for (const slope of [0, 0.25]) {
    const y = reference.leakyRelu(x, slope);
    const expected = differences((x) => dot(dy, reference.leakyRelu(x, slope)), x);
    assert.ok(relativeError(reference.reluPullback("gradient", slope, dy, y), expected) < 1e-8);
  }
  const at = { y: Float64Array.from([1, 0, 1, 0]), dy: Float64Array.from([2, 2, -2, -2]) };
  assert.equal([...reference.reluPullback("deconvnet", 0, at.dy, at.y)], [2, 2, 0, 0]);
  assert.equal([...reference.reluPullback("guided", 0, at.dy, at.y)], [2, 0, 0, 0]);
});

for (const [height, width, kernel, stride] of [[7, 7, 3, 2], [4, 6, 3, 2], [4, 5, 2, 2], [5, 4, 3, 1]] as const) {
  test(`max pool ${height}x${width} kernel ${kernel} stride ${stride}: dx is the derivative`, () => {
    const p = { batch: 2, height, width, channels: 2, kernel, stride };
    const x = Float64Array.from(permutation(2 * height * width * 2, 1, 0)); // no ties
    const { y, from } = reference.maxPool(p, x);
    assert.is(y.length, 2 * pooledSize(height, kernel, stride) * pooledSize(width, kernel, stride) * 2);
    const dy = random(y.length, 2);
    const expected = differences((x) => dot(dy, reference.maxPool(p, x).y), x);
    assert.ok(relativeError(reference.maxPoolBackward(x.length, from, dy), expected) < 1e-8);
  });
}

test("max pool: windows are clipped at the border, numbers worked out by hand", () => {
  const p = { batch: 1, height: 4, width: 4, channels: 1, kernel: 3, stride: 2 };
  const x = Float64Array.from([1, 2, 3, 9, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 1]);
  assert.equal([...reference.maxPool(p, x).y], [8, 9, 8, 1]);
});

test("global average pool: dx is the derivative, y the mean per example and channel", () => {
  const x = random(2 * 6 * 3, 1), dy = random(2 * 3, 2);
  const expected = differences((x) => dot(dy, reference.globalAveragePool(2, 6, 3, x)), x);
  assert.ok(relativeError(reference.globalAveragePoolBackward(2, 6, 3, dy), expected) < 1e-8);
  const means = reference.globalAveragePool(2, 2, 2, Float64Array.from([1, 10, 3, 30, 5, 50, 9, 90]));
  assert.equal([...means], [2, 20, 7, 70]);
});

test("dropout: its own derivative, and it leaves the mean as it was", () => {
  const x = random(50, 1), dy = random(50, 2), at = { seed: 3, step: 4, stream: 5 };
  const expected = differences((x) => dot(dy, reference.dropout(x, 0.5, at)), x);
  assert.ok(relativeError(reference.dropout(dy, 0.5, at), expected) < 1e-8);
  const mean = dot(reference.dropout(new Float64Array(20_000).fill(1), 0.2, at), new Float64Array(20_000).fill(1)) /
    20_000;
  assert.ok(Math.abs(mean - 1) < 0.015, `${mean}`);
});

test("softmax cross-entropy: dlogits are the derivative of the mean loss", () => {
  const logits = random(4 * 5, 1).map((value) => 3 * value), labels = [0, 4, 2, 2];
  const { dlogits } = reference.softmaxCrossEntropy(logits, labels, 5);
  const expected = differences((z) => reference.softmaxCrossEntropy(z, labels, 5).loss, logits);
  assert.ok(relativeError(dlogits, expected) < 1e-8);
  // Equal logits: loss log(classes), and the first class is the prediction.
  const { loss, errors } = reference.softmaxCrossEntropy(new Float64Array(10), [0, 1], 5);
  assert.ok(Math.abs(loss - Math.log(5)) < 1e-12);
  assert.is(errors, 1);
});

test("sgd: one update worked out by hand", () => {
  const w = Float64Array.from([2]), v = Float64Array.from([1]);
  reference.sgd(w, v, Float64Array.from([3]), { momentum: 0.5, weightDecay: 0.25, learningRate: 0.1 });
  assert.ok(Math.abs(v[0]! - 0.15) < 1e-15); // 0.5 * 1 - 0.1 * (3 + 0.25 * 2)
  assert.ok(Math.abs(w[0]! - 2.15) < 1e-15);
});

test.run();
