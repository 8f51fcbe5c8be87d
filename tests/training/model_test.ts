import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../configs/load.ts";
import { UserError } from "../../core/host/errors.ts";
import { sequential } from "../../layers/sequential.ts";
import { globalContrastNormalize } from "../../data/transforms/gcn.ts";
import type { EpochMetrics } from "../../report/metrics.ts";
import { explain } from "../../explain/explain.ts";
import { conv } from "../../layers/conv.ts";
import { evaluate } from "../../training/evaluate.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams } from "../../training/params.ts";
import { loadModel, saveModel } from "../../training/model_file.ts";
import { predict, predictLogits, softmax } from "../../training/predict.ts";
import { preprocess } from "../../training/preprocess.ts";
import { train, type TrainOptions } from "../../training/train.ts";
import { gpu, relativeError } from "../_gpu.ts";
import { inFolder } from "../cli/_run.ts";
import { INPUT, stripes, tinyNetwork } from "./_tiny.ts";

const OPTIONS = {
  epochs: 6,
  batch: 32,
  learningRate: { base: 0.1 },
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } },
} satisfies TrainOptions;

/** The message of the UserError that `body` fails with. */
async function failure(body: () => unknown): Promise<string> {
  try {
    await body();
  } catch (error) {
    assert.instance(error, UserError, String(error));
    assert.not.match((error as UserError).message, "\n");
    return (error as UserError).message;
  }
  throw new Error("nothing failed");
}

test("a network of code learns arrays; the saved file predicts the same", async () => {
  const context = await gpu(), data = stripes(96), validation = stripes(32, 2);
  const model = await openModel(context, { network: tinyNetwork(), input: INPUT }, { seed: 1 });
  const before = await evaluate(model, validation), seen: EpochMetrics[] = [];
  const rows = await train(model, data, { ...OPTIONS, validation, onEpoch: (row) => seen.push(row) });
  assert.equal(seen, rows);
  assert.is(rows.length, 6);
  const after = await evaluate(model, validation);
  assert.ok(before.error > 30, `before: ${before.error} %`);
  assert.is(after.error, 0);
  assert.is(after.error, rows.at(-1)!.testError);
  assert.is(after.loss, rows.at(-1)!.testLoss);

  const probabilities = await predict(model, validation.images);
  assert.is(probabilities.length, 96);
  let loss = 0;
  validation.labels.forEach((label, i) => loss -= Math.log(probabilities[3 * i + label]!) / 32);
  assert.ok(Math.abs(loss - after.loss) < 1e-5, `${loss} and ${after.loss}`);

  await inFolder(async (folder) => {
    await saveModel(model, `${folder}/tiny.safetensors`);
    const again = await loadModel(context, `${folder}/tiny.safetensors`, { network: tinyNetwork(), input: INPUT });
    assert.equal(await getParams(again), await getParams(model));
    assert.equal(await predict(again, validation.images), probabilities);
    closeModel(again);
    const closed: Record<string, () => Promise<unknown>> = {
      predict: () => predict(again, validation.images),
      evaluate: () => evaluate(again, validation),
      getParams: () => getParams(again),
      explain: () => explain(again, validation.images.subarray(0, 64), { layer: "conv1", unit: 0, rule: "guided" }),
      saveModel: () => saveModel(again, `${folder}/closed.safetensors`),
      train: () => train(again, validation, { ...OPTIONS, epochs: 1 }),
    };
    for (const [name, call] of Object.entries(closed)) assert.match(await failure(call), "was closed", name);
    const other = { network: tinyNetwork(4), input: INPUT };
    assert.match(await failure(() => loadModel(context, `${folder}/tiny.safetensors`, other)), "the network needs");
    const carried = await loadModel(context, `${folder}/tiny.safetensors`);
    assert.equal(await predict(carried, validation.images), probabilities);
    closeModel(carried);
  });
  closeModel(model);
});

test("any number of images, also at the same time, gives each image its own prediction", async () => {
  const model = { ...await openModel(await gpu(), { network: tinyNetwork(), input: INPUT }), batch: 32 };
  const { images } = stripes(70), all = await predictLogits(model, images);
  assert.equal(await predictLogits(model, new Float32Array(0)), new Float32Array(0));
  const parts = await Promise.all(
    [0, 1, 2, 3, 4].map((i) => predictLogits(model, images.subarray(64 * i, 64 * i + 64))),
  );
  parts.forEach((part, i) => {
    for (let c = 0; c < 3; c++) assert.ok(Math.abs(part[c]! - all[3 * i + c]!) < 1e-5, `image ${i}, class ${c}`);
  });
  assert.ok(Math.abs(all.at(-1)! - (await predictLogits(model, images.subarray(69 * 64))).at(-1)!) < 1e-5);
  closeModel(model);
});

test("probabilities of large logits are numbers", () => {
  const [a, b, c] = softmax(Float32Array.of(1000, 999, -1000), 3);
  assert.ok(
    Math.abs(a! - 1 / (1 + Math.exp(-1))) < 1e-6 && Math.abs(a! + b! - 1) < 1e-6 && c === 0,
    `${a}, ${b}, ${c}`,
  );
});

test("a second training goes on from the first; an abort ends it early", async () => {
  const model = await openModel(await gpu(), { network: tinyNetwork(), input: INPUT });
  const abort = new AbortController();
  const rows = await train(model, stripes(96), {
    ...OPTIONS,
    signal: abort.signal,
    onEpoch: ({ epoch }) => epoch === 2 && abort.abort(),
  });
  assert.is(rows.length, 2);
  assert.is(rows[0]!.testLoss, null);
  const [more] = await train(model, stripes(96), { ...OPTIONS, epochs: 1 });
  assert.ok(more!.trainLoss < rows[0]!.trainLoss, `${more!.trainLoss} after ${rows[0]!.trainLoss}`);
  closeModel(model);
});

test("a loss that stops being a number leaves the last good parameters", async () => {
  const model = await openModel(await gpu(), { network: tinyNetwork(), input: INPUT });
  const before = await getParams(model);
  const options = { ...OPTIONS, learningRate: { base: 1e6 } };
  assert.match(await failure(() => train(model, stripes(96), options)), "smaller learning rate");
  assert.equal(await getParams(model), before);
  closeModel(model);
});

const PREPROCESSED = `
name: tiny
dataset: { name: cifar10, preprocess: [{ gcn: { scale: 2 } }, { zca: { epsilon: 0.1 } }] }
network:
  - { conv: { name: conv1, channels: 10, kernel: 3, stride: 4 } }
  - globalAveragePool
training:
  epochs: 1
  batch: 16
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } }
  learningRate: { base: 0.01 }
  init: { heNormal: {} }
`;

test("a model keeps its config and its whitening in files, and preprocesses by them", async () => {
  const context = await gpu(), config = parseConfig(PREPROCESSED, "tiny.yaml"), size = 3072;
  const matrix = new Float32Array(size * size);
  for (let i = 0; i < size; i++) matrix[i * size + (size - 1 - i)] = 2; // turns an image around, and doubles it
  const whitening = { mean: new Float32Array(size), matrix };
  const model = await openModel(context, config, { whitening });
  const image = Float32Array.from({ length: size }, (_, i) => i % 256);
  await inFolder(async (folder) => {
    await saveModel(model, `${folder}/one.safetensors`);
    await saveModel(model, `${folder}/two.safetensors`);
    const other = { ...model, whitening: { ...whitening, mean: new Float32Array(size).fill(1) } };
    assert.match(await failure(() => saveModel(other, `${folder}/three.safetensors`)), "whitening of another model");
    const again = await loadModel(context, `${folder}/two.safetensors`);
    assert.equal(again.config, config);
    const expected = image.slice();
    globalContrastNormalize(expected, size, 2);
    const result = await preprocess(again, image);
    assert.is(image[255], 255);
    assert.ok(relativeError(result, expected.reverse().map((value) => 2 * value)) < 1e-5);
    closeModel(again);
  });
  assert.match(await failure(() => preprocess({ ...model, whitening: null }, image)), "its whitening is missing");
  assert.match(await failure(() => preprocess({ ...model, config: null }, image)), "it has no config");
  closeModel(model);
});

test("what does not fit is refused before it reaches the device", async () => {
  const context = await gpu(), network = tinyNetwork(), data = stripes(96);
  const model = await openModel(context, { network, input: INPUT });
  const messages: [string, () => unknown][] = [
    ["its images are 4x16x1, the network takes 8x8x1", () => train(model, { ...data, shape: [4, 16, 1] }, OPTIONS)],
    ["6100 values are no whole number", () => train(model, { ...data, images: data.images.slice(44) }, OPTIONS)],
    ["says 95 examples", () => train(model, { ...data, count: 95 }, OPTIONS)],
    ["96 images and 90 labels", () => train(model, { ...data, labels: data.labels.slice(6) }, OPTIONS)],
    [
      "label of example 3 is 3",
      () => train(model, { ...data, labels: data.labels.map((x, i) => i === 3 ? 3 : x) }, OPTIONS),
    ],
    [
      "value 1 of image 2 is NaN",
      () => evaluate(model, { ...data, images: data.images.map((x, i) => i === 129 ? NaN : x) }),
    ],
    ["got Array", () => predict(model, [1, 2, 3] as unknown as Float32Array)],
    ["63 values are no whole number of images", () => predict(model, new Float32Array(63))],
    ["batches of 100: there are 96", () => train(model, data, { ...OPTIONS, batch: 100 })],
    [
      "learningRate.base: too small: expected number to be >0, got -1",
      () => train(model, data, { ...OPTIONS, learningRate: { base: -1 } }),
    ],
    [
      "epoch: unknown key, did you mean epochs? Allowed here: epochs, iterations, batch",
      () => train(model, data, { ...OPTIONS, epoch: 3 } as TrainOptions),
    ],
    ["seed -1", () => openModel(context, { network, input: INPUT }, { seed: -1 })],
    ["expected [height, width, channels]", () => openModel(context, { network, input: [8, 8, 0] })],
    [
      "ends with [1, 8, 8, 3]",
      () =>
        openModel(context, {
          network: sequential("open", [conv("c", { channels: 3, kernel: 1 })]),
          input: INPUT,
        }),
    ],
    ['Cannot build conv "c": kernel: too small', () => conv("c", { channels: 3, kernel: 0 })],
    [
      "did you mean stride? Allowed here: channels, kernel, stride",
      () => conv("c", { channels: 3, kernel: 1, strides: 2 } as never),
    ],
  ];
  for (const [part, body] of messages) assert.match(await failure(body), part);
  closeModel(model);
});

test.run();
