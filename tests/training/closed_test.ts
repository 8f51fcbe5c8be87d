/** Whatever takes a model or a device that was closed says so, in one line, at once. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as allcnn from "../../mod.ts";
import { INPUT, stripes, tinyNetwork } from "./_tiny.ts";

const STEP = { batch: 8, learningRate: { base: 0.1 }, optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } } };

test("a closed model, and a closed device", async () => {
  const device = await allcnn.openDevice(), definition = { network: tinyNetwork(), input: INPUT };
  const model = await allcnn.openModel(device, definition), data = stripes(8), { images } = data;
  const other = await allcnn.openModel(device, definition), trainer = await allcnn.openTrainer(other, STEP);
  const predictor = await allcnn.openPredictor(other), params = await allcnn.getParams(model);
  const x = allcnn.tensor("x", [8], { lifetime: "persistent" }), buffers: allcnn.Buffers = new Map();
  await allcnn.writeTensor(device, buffers, x, new Float32Array(8));
  const program = { ops: [], keep: [x] }, tuner = allcnn.defaultTuner(device.limits);
  const plan = await allcnn.compile(device, program, tuner, buffers);
  const ofModel: Record<string, () => unknown> = {
    predict: () => allcnn.predict(model, images),
    predictLogits: () => allcnn.predictLogits(model, images),
    openPredictor: () => allcnn.openPredictor(model),
    evaluate: () => allcnn.evaluate(model, data),
    explain: () => allcnn.explain(model, images, { layer: "conv1", unit: 0, rule: "guided" }),
    getParams: () => allcnn.getParams(model),
    setParams: () => allcnn.setParams(model, params),
    saveModel: () => allcnn.saveModel(model, "closed.safetensors"),
    train: () => allcnn.train(model, data, { ...STEP, epochs: 1 }),
    "train on a stream": () => allcnn.train(model, [data], { ...STEP, epochs: 1 }),
    openTrainer: () => allcnn.openTrainer(model, STEP),
  };
  const ofDevice: Record<string, () => unknown> = {
    openModel: () => allcnn.openModel(device, definition),
    "step of a trainer": () => trainer.step(data),
    "metrics of a trainer": () => trainer.metrics(),
    "save of a trainer": () => trainer.save(),
    "predict of a predictor": () => predictor.predict(images),
    compile: () => allcnn.compile(device, program, tuner, new Map()),
    run: () => allcnn.run(device, plan),
    readTensor: () => allcnn.readTensor(device, buffers, x),
    writeTensor: () => allcnn.writeTensor(device, buffers, x, new Float32Array(8)),
  };
  const says = async (calls: typeof ofModel, line: string) => {
    for (const [name, call] of Object.entries(calls)) {
      const error = await Promise.resolve().then(call).then(() => null, (error: unknown) => error);
      assert.instance(error, allcnn.UserError, `${name}: ${error}`);
      assert.is((error as Error).message, line, name);
    }
  };
  allcnn.closeModel(model);
  await says(ofModel, "This model was closed, and its memory freed: open or load it again");
  device.close();
  await says({ ...ofModel, ...ofDevice }, "The device was closed: openDevice opens another one");
  await trainer.close();
  await predictor.close();
  allcnn.closeModel(other); // which still does nothing wrong
});

test.run();
