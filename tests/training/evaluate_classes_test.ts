import { test } from "uvu";
import * as assert from "uvu/assert";
import { openModel } from "../../training/model.ts";
import { evaluate } from "../../training/evaluate.ts";
import { evaluateClasses, judgeBatch } from "../../training/evaluate_classes.ts";
import { predict } from "../../training/predict.ts";
import { gpu } from "../_gpu.ts";
import { INPUT, stripes, tinyNetwork } from "./_tiny.ts";

test("evaluateClasses says of every example what predict does, of all what evaluate does", async () => {
  const model = await openModel(await gpu(), { network: tinyNetwork(), input: INPUT }, { seed: 1 });
  const data = stripes(37, 2), seen: (Float32Array | null)[] = []; // no whole number of batches
  const { statistics, judged, ...score } = await evaluateClasses(model, data, { onBatch: (_, x) => seen.push(x) });
  assert.equal(score, await evaluate(model, data));
  assert.ok(seen.length > 0 && seen.every((logits) => logits === null), "logits that nobody asked for");
  assert.is(statistics.error.percent, score.error);
  assert.is(statistics.confusion.flat().reduce((a, b) => a + b, 0), 37);
  const probabilities = await predict(model, data.images);
  assert.equal(judged.map(({ index, label }) => [index, label]), [...data.labels].map((label, n) => [n, label]));
  for (const { index, predicted, probability } of judged) {
    const row = Array.from(probabilities.subarray(3 * index, 3 * index + 3)), largest = Math.max(...row);
    assert.ok(Math.abs(probability - largest) < 1e-6 && row[predicted]! > largest - 1e-6, `example ${index}`);
  }
});

test("labels that are targets are refused in one line", async () => {
  const model = await openModel(await gpu(), { network: tinyNetwork(), input: INPUT }, { seed: 1 });
  const labels = new Float32Array(3 * 8);
  const error = await evaluateClasses(model, { ...stripes(8), labels }).catch((error: Error) => error.message);
  assert.match(error as string, /^Cannot tell classes apart: the labels are targets/);
});

test("what pads a batch, and what could not be read, is not judged", () => {
  const logits = Float32Array.of(1, 0, /**/ 0, 1, /**/ 7, 7, /**/ 9, 9);
  const model = { classes: 2, loss: { target: () => ({ shape: [4], dtype: "u32" as const }), ops: () => [] } };
  const labels = Uint32Array.of(0, 0, 0, 0, 1, 1, 0); // a batch of four from the fifth on, of which three are examples
  const judged = judgeBatch(model, { first: 4, logits, labels, skipped: new Set([5]) });
  assert.equal(judged.map(({ index, predicted, rank }) => [index, predicted, rank]), [[4, 0, 1], [6, 0, 0]]);
});

test.run();
