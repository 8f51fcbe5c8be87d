import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync } from "node:fs";
import { UserError } from "../../core/host/errors.ts";
import { permutation } from "../../core/graph/random.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { ExampleBatch } from "../../training/batches.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { loadModel, saveModel } from "../../training/model_file.ts";
import { getParams, setParams } from "../../training/params.ts";
import { predict } from "../../training/predict.ts";
import { train, type TrainOptions } from "../../training/train.ts";
import { openTrainer, type TrainerOptions } from "../../training/trainer.ts";
import { gpu } from "../_gpu.ts";
import { inFolder } from "../cli/_run.ts";
import { INPUT, stripes, tinyNetwork } from "./_tiny.ts";

const STEP = {
  batch: 32,
  learningRate: { base: 0.1, factor: 0.5, epochs: [1] },
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } },
} satisfies TrainerOptions;

const open = async () => openModel(await gpu(), { network: tinyNetwork(), input: INPUT }, { seed: 1 });

/** The examples of these numbers. */
function pick({ images, labels }: Dataset, numbers: ArrayLike<number>): ExampleBatch {
  const picked = { images: new Float32Array(64 * numbers.length), labels: new Uint32Array(numbers.length) };
  Array.from(numbers, (number, at) => {
    picked.images.set(images.subarray(64 * number, 64 * (number + 1)), 64 * at);
    picked.labels[at] = labels[number]!;
  });
  return picked;
}

/** The batches of an epoch, as `train` orders it. */
function* batches(data: Dataset, epoch: number, size: number): Generator<ExampleBatch> {
  const order = permutation(data.count, 0, epoch);
  for (let first = 0; first < data.count; first += size) yield pick(data, order.subarray(first, first + size));
}

async function failure(body: () => unknown): Promise<string> {
  try {
    await body();
  } catch (error) {
    assert.instance(error, UserError, String(error));
    return (error as UserError).message;
  }
  throw new Error("nothing failed");
}

test("train on arrays, on a stream, and steps of a trainer: the same parameters to the last bit", async () => {
  const data = stripes(80), options = { ...STEP, epochs: 2 } satisfies TrainOptions;
  const ofArrays = await open(), ofStream = await open(), ofSteps = await open();
  const rows = await train(ofArrays, data, options);
  const validation = stripes(16, 2);
  const streamed = await train(ofStream, async function* (epoch: number) {
    yield* batches(data, epoch, 32);
  }, { ...options, validation });
  {
    await using trainer = await openTrainer(ofSteps, { ...STEP, stepsPerEpoch: 2 });
    for (const epoch of [0, 1]) {
      for (const batch of [...batches(data, epoch, 32)].slice(0, 2)) await trainer.step(batch);
      assert.equal(await trainer.metrics(), {
        loss: rows[epoch]!.trainLoss,
        error: rows[epoch]!.trainError,
        examples: 64,
      });
    }
    assert.ok(trainer.plan.ops.length > 10);
    assert.is(trainer.learningRate, 0.05);
  }
  const expected = await getParams(ofArrays);
  assert.equal(await getParams(ofStream), expected);
  assert.equal(await getParams(ofSteps), expected);
  assert.equal(streamed.map(({ trainLoss }) => trainLoss), rows.map(({ trainLoss }) => trainLoss));
  assert.equal(streamed.map(({ learningRate }) => learningRate), [0.1, 0.05]);
  assert.ok(streamed.every(({ testError }) => testError !== null));
  for (const model of [ofArrays, ofStream, ofSteps]) closeModel(model);
});

test("a saved trainer goes on as if nothing had happened", async () => {
  const data = stripes(64), whole = await open(), cut = await open(), given = [...batches(data, 0, 32)];
  await using trainer = await openTrainer(whole, STEP);
  for (const batch of [...given, ...given]) await trainer.step(batch);
  let saved;
  {
    await using first = await openTrainer(cut, STEP);
    for (const batch of given) await first.step(batch);
    saved = await first.save();
    await first.step(given[0]!); // which is gone then
  }
  assert.is(saved.progress!.step, 2);
  await using second = await openTrainer(cut, { ...STEP, from: saved });
  for (const batch of given) await second.step(batch);
  assert.equal((await second.save()).tensors, (await trainer.save()).tensors);
  await second.close();
  closeModel(whole);
  closeModel(cut);
});

test("the examples that fill no batch are left out, or filled up with the first; of a stream too", async () => {
  const data = stripes(40), options = { ...STEP, epochs: 1 };
  const seen = async (given: Parameters<typeof train>[1], remainder: "drop" | "fill") => {
    const model = await open();
    try {
      await train(model, given, { ...options, remainder });
      return await getParams(model);
    } finally {
      closeModel(model);
    }
  };
  const order = permutation(40, 0, 0), first = pick(data, order.subarray(0, 32));
  const rest = pick(data, order.subarray(32)), begin = pick(data, [...order.subarray(32), ...order.subarray(0, 24)]);
  assert.equal(await seen(data, "drop"), await seen([first, rest], "drop"));
  assert.equal(await seen(data, "fill"), await seen([first, begin], "fill"));
  const own = pick(data, Array.from({ length: 32 }, (_, at) => order[32 + at % 8]!)); // a stream's last, from its own
  assert.equal(await seen([first, rest], "fill"), await seen([first, own], "drop"));
  assert.match(
    await failure(() => seen([rest, first], "drop")),
    /batch 1 of epoch 1: it has 8 examples, a batch has 32/,
  );
  assert.match(await failure(() => seen([rest], "drop")), "with batches of 32: epoch 1 has 8 examples");
});

test("a stream is saved within its epochs too, by the clock, and no step twice", async () => {
  const data = stripes(96), saved: [number, number][] = [];
  const trained = async (options: Partial<TrainOptions>) => {
    const model = await open();
    saved.length = 0;
    const rows = await train(model, (epoch: number) => batches(data, epoch, 32), {
      ...STEP,
      epochs: 2,
      onCheckpoint: ({ progress }) => Promise.resolve(void saved.push([progress!.step, progress!.epoch])),
      ...options,
    });
    closeModel(model);
    return rows.map(({ trainLoss, trainError }) => ({ trainLoss, trainError }));
  };
  const rows = await trained({ checkpointMinutes: 1e-9 });
  assert.equal(saved, [[0, 0], [1, 0], [2, 0], [3, 1], [4, 1], [5, 1], [6, 2]]);
  assert.equal(await trained({}), rows, "saving changes nothing");
  assert.equal(saved, [[0, 0], [6, 2]]);
  await trained({ checkpointMinutes: 1e-9, onEpoch: () => "stop" });
  assert.equal(saved, [[0, 0], [1, 0], [2, 0], [3, 1]]);
  await trained({ epochs: 0 });
  assert.equal(saved, [[0, 0]]);
});

test("a training that diverges is told a smaller rate only where its base is known", async () => {
  const model = await open(), data = stripes(64);
  const images = data.images.map((value) => 1e38 * value); // the sums overflow
  const advice = async (learningRate: TrainOptions["learningRate"]) =>
    await failure(() => train(model, { ...data, images }, { ...STEP, learningRate, epochs: 1 }));
  assert.match(
    await advice(1e-4),
    /: the last good checkpoint is kept; try a smaller learning rate, as a base of 0.00002$/,
  );
  assert.match(await advice(() => 1e-4), /: the last good checkpoint is kept; try a smaller learning rate$/);
  closeModel(model);
});

test("onEpoch ends a training; a schedule over the whole of it says what it lacks", async () => {
  const model = await open(), data = stripes(64);
  const rows = await train(model, data, { ...STEP, epochs: 9, onEpoch: ({ epoch }) => epoch === 2 && "stop" });
  assert.is(rows.length, 2);
  const streamed = await train(model, () => batches(data, 0, 32), { ...STEP, epochs: 9, onEpoch: () => "stop" });
  assert.is(streamed.length, 1);
  const learningRate = { base: 0.1, cosine: {} };
  await using trainer = await openTrainer(model, { ...STEP, learningRate });
  assert.match(await failure(() => trainer.step(pick(data, permutation(32, 0, 0)))), "how many steps there will be");
  const known = await train(model, () => batches(data, 0, 32), { ...STEP, learningRate, iterations: 3 });
  assert.equal(known.map(({ learningRate }) => Math.round(1000 * learningRate)), [75, 25]);
  await trainer.close();
  closeModel(model);
});

test("what does not fit is one line, and the model is as before", async () => {
  const model = await open(), data = stripes(64), before = await getParams(model);
  const batch = pick(data, permutation(32, 0, 0)), short = pick(data, permutation(8, 0, 0));
  const wrong = { images: batch.images.map((value, at) => at === 70 ? NaN : value), labels: batch.labels };
  const strange = { images: batch.images, labels: batch.labels.map(() => 3) };
  const trainer = await openTrainer(model, STEP);
  assert.match(await failure(() => trainer.step(short)), "the batch of step 1: it has 8 examples, a batch has 32");
  assert.match(await failure(() => trainer.step(wrong)), "the batch of step 1: value 6 of image 1 is NaN");
  assert.match(await failure(() => trainer.step(strange)), "the label of example 0 is 3");
  assert.match(await failure(() => trainer.metrics()), "no step was taken");
  assert.equal(await getParams(model), before);
  await trainer.close();
  assert.match(await failure(() => trainer.step(batch)), "This trainer was closed");
  assert.match(await failure(() => openTrainer(model, { ...STEP, batch: 0 })), /batch: .*got 0/);

  async function* failing() {
    yield batch;
    await Promise.resolve();
    throw new Error("the socket hung up");
  }
  const streams: [Parameters<typeof train>[1], RegExp][] = [
    [failing, /after batch 1 of epoch 1: the stream of batches failed: the socket hung up/],
    [[batch, wrong], /batch 2 of epoch 1: value 6 of image 1 is NaN/],
    [[batch, { ...batch, images: batch.images.subarray(64) }], /batch 2 of epoch 1: it says 31 examples/],
    [batches(data, 0, 32), /epoch 2 has no batch; a generator ends for good/],
    [[], /the stream of epoch 1 has no batch/],
  ];
  for (const [stream, expected] of streams) {
    assert.match(await failure(() => train(model, stream, { ...STEP, epochs: 2 })), expected);
    assert.equal(await getParams(model), before);
  }
  closeModel(model);
});

test("parameters are set by name; not strictly, what fits", async () => {
  const from = await open(), to = await openModel(await gpu(), { network: tinyNetwork(4), input: INPUT }, { seed: 2 });
  const given = await getParams(from), before = await getParams(to);
  assert.match(
    await failure(() => setParams(to, given)),
    /"conv2\/w" is \[1, 1, 8, 3\], the network needs \[1, 1, 8, 4\]/,
  );
  const { "conv1/b": _b, ...few } = given;
  assert.match(await failure(() => setParams(from, few)), 'it lacks "conv1/b"; strict: false takes what fits');
  const many = { ...given, "conv9/w": Float32Array.of(1) };
  assert.match(await failure(() => setParams(from, many)), 'the network has no "conv9/w"');
  assert.match(
    await failure(() => setParams(from, { ...given, "conv1/b": Float32Array.of(1) })),
    'Cannot set "conv1/b": 1 values, it is [8], which are 8',
  );
  const broken = { ...given, "conv1/b": new Float32Array(8).fill(NaN) };
  assert.match(await failure(() => setParams(to, broken, { strict: false })), '"conv1/b" holds NaN at element 0');
  assert.equal(await getParams(to), before);
  assert.equal(await setParams(to, many, { strict: false }), {
    missing: ["conv2/w", "conv2/b"],
    unexpected: ["conv9/w"],
  });
  const after = await getParams(to);
  assert.equal(after["conv1/w"], given["conv1/w"]);
  assert.equal(after["conv2/w"], before["conv2/w"]);
  closeModel(from);
  closeModel(to);
});

test("a model is loaded from bytes, without code", async () => {
  const model = await open(), images = stripes(4).images;
  await inFolder(async (folder) => {
    await saveModel(model, `${folder}/model.safetensors`);
    const bytes = new Uint8Array(readFileSync(`${folder}/model.safetensors`));
    using again = await loadModel(model.context, bytes);
    assert.equal(await predict(again, images), await predict(model, images));
    assert.match(
      await failure(() => loadModel(model.context, bytes.slice(0, 99))),
      'Cannot read "the bytes of a model" as safetensors',
    );
  });
  closeModel(model);
});

test("what is being computed with a model that is closed goes on, and the device stays whole", async () => {
  const context = await gpu(), model = await open(), data = stripes(64), other = await open();
  const alone = await predict(model, data.images);
  const trainer = await openTrainer(model, STEP), step = trainer.step(pick(data, permutation(32, 0, 0)));
  await step;
  const running = predict(model, data.images);
  closeModel(model);
  assert.is((await running).length, alone.length);
  assert.match(await failure(() => predict(model, data.images)), "This model was closed");
  assert.match(await failure(() => trainer.step(pick(data, permutation(32, 0, 0)))), "This model was closed");
  await trainer.close();
  await context.device.queue.onSubmittedWorkDone();
  context.check();
  assert.equal(await predict(other, data.images), alone);
  closeModel(other);
  {
    using scoped = await open();
    assert.is(scoped.classes, 3);
    (globalThis as { escaped?: unknown }).escaped = scoped;
  }
  const { escaped } = globalThis as unknown as { escaped: typeof other };
  assert.match(await failure(() => predict(escaped, data.images)), "This model was closed");
});

test.run();
