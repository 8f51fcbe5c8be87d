import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../configs/load.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import { undoTransforms } from "../../data/transforms/mod.ts";
import { fitWhitening } from "../../data/whitening.ts";
import { whiten } from "../../data/whitening_apply.ts";
import { unwhiten } from "../../data/whitening_undo.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { signalsToPixels } from "../../training/preprocess.ts";
import { gpu, random, relativeError } from "../_gpu.ts";

const SHAPE = [4, 4, 3] as const, SIZE = 48, COUNT = 12;

/** x with x P = s in float64, by Gaussian elimination; P is symmetric. */
function solved(matrix: ArrayLike<number>, signal: ArrayLike<number>): Float64Array {
  const size = signal.length;
  const rows = Array.from(
    { length: size },
    (_, i) => Float64Array.from({ length: size + 1 }, (_, j) => j < size ? matrix[i * size + j]! : signal[i]!),
  );
  for (let k = 0; k < size; k++) {
    for (let i = 0; i < size; i++) {
      const factor = i === k ? 0 : rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j <= size; j++) rows[i]![j]! -= factor * rows[k]![j]!;
    }
  }
  return Float64Array.from(rows, (row, i) => row[size]! / row[i]!);
}

test("signals go back through whitening and scale as in float64, in chunks of any size, without what is subtracted", async () => {
  const context = await gpu(), count = 300, source = generateShapes(1, "train", count).images;
  const images = new Float32Array(count * SIZE); // neighbouring pixels, so correlated
  for (let n = 0; n < count; n++) images.set(source.subarray(n * 3072 + 1500, n * 3072 + 1500 + SIZE), n * SIZE);
  images.forEach((value, i) => images[i] = value / 50);
  const whitening = await fitWhitening(context, images, SIZE, 0.01);
  const chunked = { ...context, limits: { ...context.limits, bindingBytes: 4 * SIZE * SIZE } }; // 8 rows at once
  const signals = Float32Array.from(random(COUNT * SIZE, 3)).fill(0, SIZE, 2 * SIZE); // one of them is zero
  const found = signals.slice();
  await undoTransforms({ preprocess: [{ scale: { subtract: 9, divide: 50 } }, { zca: { epsilon: 0.01 } }] }, found, {
    context: chunked,
    shape: SHAPE,
    fitted: whitening,
  });
  for (let n = 0; n < COUNT; n++) {
    const [own, from] = [found, signals].map((values) => values.subarray(n * SIZE, (n + 1) * SIZE));
    const expected = solved(whitening.matrix, from!).map((value) => 50 * value);
    if (n === 1) assert.ok(own!.every((value) => value === 0));
    else assert.ok(relativeError(own!, expected) < 1e-4, String(relativeError(own!, expected)));
  }
  // And there again.
  const again = found.map((value) => value / 50);
  await whiten(chunked, again, { ...whitening, mean: new Float32Array(SIZE) });
  assert.ok(relativeError(again, signals) < 1e-4);
});

test("signals of a model, through the transforms of its config", async () => {
  const config = parseConfig(
    `
name: whitened
dataset: { name: mnist, preprocess: [{ scale: { subtract: 0, divide: 10 } }, { gcn: { scale: 5 } }, { zca: { epsilon: 1 } }] }
network: [{ conv: { name: conv1, channels: 10, kernel: 1 } }, globalAveragePool]
training: { epochs: 1, batch: 1, optimizer: { sgd: { momentum: 0, weightDecay: 0 } }, learningRate: { base: 1 }, init: { heNormal: {} } }
`,
    "whitened.yaml",
    [],
  );
  const model = await openModel(await gpu(), config), size = 28 * 28, mean = new Float32Array(size).fill(3);
  const matrix = Float32Array.from({ length: size ** 2 }, (_, i) => i % (size + 1) === 0 ? 1 + i % 3 : 0);
  const signal = Float32Array.from(random(size, 4)), kept = signal.slice();
  const found = await signalsToPixels({ ...model, whitening: { mean, matrix } }, signal);
  const expected = signal.map((value, i) => 10 * value / (1 + i * (size + 1) % 3));
  assert.ok(relativeError(found, expected) < 1e-5, String(relativeError(found, expected)));
  assert.equal(signal, kept);
  await signalsToPixels(model, signal).then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /its whitening is missing/),
  );
  closeModel(model);
});

test("a whitening that float32 cannot undo is told", async () => {
  const matrix = new Float32Array(16); // symmetric, and neither positive nor negative
  [1, -1, 1, -1].forEach((value, i) => matrix[5 * i] = value);
  const whitening = { mean: new Float32Array(4), matrix };
  await unwhiten(await gpu(), Float32Array.of(1, 1, 1, 1), whitening).then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /^Cannot map signals back through the whitening: .*epsilon of zca/),
  );
});

test.run();
