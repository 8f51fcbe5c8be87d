import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../configs/load.ts";
import { UserError } from "../../core/host/errors.ts";
import { conv } from "../../layers/conv.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { sequential } from "../../layers/sequential.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { predict, predictLogits, softmax } from "../../training/predict.ts";
import { openPredictor } from "../../training/predictor.ts";
import { preprocess } from "../../training/preprocess.ts";
import { gpu } from "../_gpu.ts";
import { INPUT, stripes, tinyNetwork } from "./_tiny.ts";

const open = async () => openModel(await gpu(), { network: tinyNetwork(), input: INPUT }, { seed: 1 });
const IMAGE = 64;

async function failure(body: () => unknown): Promise<string> {
  try {
    await body();
  } catch (error) {
    assert.instance(error, UserError, String(error));
    return (error as UserError).message;
  }
  throw new Error("nothing failed");
}

test("many calls at once share passes, and each gets its own logits", async () => {
  const model = await open(), { images } = stripes(96), alone: number[][] = [];
  const of = (index: number, count = 1) => images.subarray(IMAGE * index, IMAGE * (index + count));
  for (let index = 0; index < 96; index++) alone.push([...await predictLogits(model, of(index))]);
  const context = model.context, submitted: number[] = [];
  const queue = new Proxy(context.device.queue, {
    get(target, key) {
      if (key === "submit") submitted.push(1);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const device = new Proxy(context.device, {
    get(target, key) {
      if (key === "queue") return queue;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await using predictor = await openPredictor({ ...model, context: { ...context, device } }, { batch: 8 });
  const sizes = [1, 1, 5, 0, 20, 1, 3];
  let first = 0;
  const results = await Promise.all(sizes.map((size) => {
    const call = predictor.predict(of(first, size));
    first += size;
    return call;
  }));
  assert.is(submitted.length, 4); // 31 images in passes of 8
  assert.equal(results.map(({ count }) => count), sizes);
  assert.equal(results.flatMap(({ logits }) => [...logits]), alone.slice(0, 31).flat());
  assert.equal(
    results.flatMap(({ classes }) => [...classes]),
    alone.slice(0, 31).map((row) => row.indexOf(Math.max(...row))),
  );
  assert.equal(results[4]!.probabilities, softmax(results[4]!.logits, 3));
  const many = await Promise.all(Array.from({ length: 96 }, (_, index) => predict(model, of(index))));
  many.forEach((row, index) => assert.equal(row, softmax(Float32Array.from(alone[index]!), 3), `image ${index}`));
  await predictor.close();
  closeModel(model);
});

test("a buffer on the device is predicted as the array in it", async () => {
  const model = await open(), { images } = stripes(3), { device } = model.context;
  await using predictor = await openPredictor(model);
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const buffer = device.createBuffer({ size: images.byteLength, usage: STORAGE | COPY_SRC | COPY_DST });
  device.queue.writeBuffer(buffer, 0, images as Float32Array<ArrayBuffer>);
  assert.equal(await predictor.predict(buffer), await predictor.predict(images));
  const hidden = device.createBuffer({ label: "hidden", size: 256, usage: STORAGE });
  assert.match(await failure(() => predictor.predict(hidden)), 'the buffer "hidden": it was created without');
  const odd = device.createBuffer({ size: 260, usage: COPY_SRC });
  assert.match(await failure(() => predictor.predict(odd)), "260 bytes are no whole number of images of 256 bytes");
  for (const each of [buffer, hidden, odd]) each.destroy();
  await predictor.close();
  closeModel(model);
});

test("pictures are cut, scaled and preprocessed as the config says, or as one says", async () => {
  const config = parseConfig(QUICKSTART, "small.yaml"), model = await openModel(await gpu(), config, { seed: 1 });
  const pixels = Float32Array.from({ length: 32 * 32 * 3 }, (_, i) => i % 251);
  const data = new Uint8ClampedArray(4 * 32 * 32).fill(255);
  pixels.forEach((value, i) => data[4 * Math.floor(i / 3) + i % 3] = value);
  const expected = await predictLogits(model, await preprocess(model, pixels));
  await using predictor = await openPredictor(model);
  const picture = { data, width: 32, height: 32 };
  assert.equal((await predictor.predict(picture)).logits, expected);
  const { logits, count } = await predictor.predict([picture, { ...picture, data: new Uint8Array(data) }]);
  assert.is(count, 2);
  assert.equal(logits, Float32Array.of(...expected, ...expected));
  const wide = { data: new Uint8ClampedArray(4 * 64 * 32).fill(128), width: 64, height: 32 };
  const grey = await predictLogits(model, await preprocess(model, new Float32Array(3072).fill(128)));
  assert.equal((await predictor.predict(wide)).logits, grey);
  assert.match(await failure(() => predictor.predict({ ...wide, width: 63 })), "it has 8192 values");
  assert.match(
    await failure(() => predictor.predict({} as ImageBitmap)),
    "outside of a browser it must have data, width and height",
  );
  await using scaled = await openPredictor(model, { preprocess: (given) => given.map((value) => value / 127.5 - 1) });
  assert.equal((await scaled.predict(picture)).logits, expected);
  await predictor.close();
  await scaled.close();
  closeModel(model);

  const coded = await open();
  await using none = await openPredictor(coded);
  assert.match(await failure(() => none.predict(picture)), "it has no config that says how");
  assert.match(await failure(() => none.predict(new Float32Array(65))), "65 values are no whole number of images");
  await none.close();
  assert.match(await failure(() => none.predict(new Float32Array(64))), "This predictor was closed");
  assert.match(await failure(() => openPredictor(coded, { batch: 0 })), "in batches of 0");
  closeModel(coded);
  assert.match(await failure(() => openPredictor(coded)), "This model was closed");
});

test("a pass that cannot be compiled fails its calls, and the next are tried again", async () => {
  const network = sequential("n", [conv("conv1", { channels: 3, kernel: 1 }), globalAveragePool("average")]);
  const model = await openModel(await gpu(), { network, input: INPUT }), { tuner } = model;
  let broken = false;
  const choose: typeof tuner.choose = (op) => {
    if (broken) throw new UserError("no tuning today");
    return tuner.choose(op);
  };
  await using predictor = await openPredictor({ ...model, tuner: { ...tuner, choose } });
  const image = new Float32Array(64), two = new Float32Array(128);
  broken = true;
  const calls = await Promise.allSettled([predictor.predict(two), predictor.predict(two)]);
  assert.equal(calls.map(({ status }) => status), ["rejected", "rejected"]);
  assert.match(await failure(() => openPredictor({ ...model, tuner: { ...tuner, choose } })), "no tuning today");
  broken = false;
  assert.equal((await predictor.predict(two)).logits, new Float32Array(6));
  assert.equal((await predictor.predict(image)).logits, new Float32Array(3));
  await predictor.close();
  closeModel(model);
});

const QUICKSTART = `
name: small
dataset: { name: shapes }
network:
  - { conv: { name: conv1, channels: 10, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 1
  batch: 4
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05 }
  init: { heNormal: {} }
`;

test.run();
