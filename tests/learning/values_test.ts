import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { learningRateSchema } from "../../learning/schedules/mod.ts";
import * as values from "../../learning/values.ts";
import { evaluate } from "../../training/evaluate.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams } from "../../training/params.ts";
import { predict } from "../../training/predict.ts";
import { train } from "../../training/train.ts";
import { gpu } from "../_gpu.ts";
import { INPUT, stripes, tinyNetwork } from "../training/_tiny.ts";

const { sgd, adam, adamw, warmup, cosine, oneCycle } = values, PLAIN = sgd({ momentum: 0, weightDecay: 0 });

async function failure(body: () => unknown): Promise<string> {
  try {
    await body();
  } catch (error) {
    assert.instance(error, UserError, String(error));
    return (error as UserError).message;
  }
  throw new Error("nothing failed");
}

test("values are what a config says", async () => {
  assert.equal(sgd({ momentum: 0.9, weightDecay: 0 }), { sgd: { momentum: 0.9, weightDecay: 0 } });
  assert.equal(adam(), { adam: {} });
  assert.equal(warmup(400, cosine({ base: 0.1 })), { base: 0.1, cosine: {}, warmup: 400 });
  assert.equal(warmup(4, 0.1), { base: 0.1, warmup: 4 });
  assert.equal(oneCycle({ base: 1, peakAt: 0.5 }), { base: 1, oneCycle: { peakAt: 0.5 } });
  assert.equal(learningRateSchema.parse(0.1), learningRateSchema.parse({ base: 0.1 }));
  assert.match(await failure(() => sgd({ momentum: 2, weightDecay: 0 })), /Cannot use sgd: momentum: too big.*got 2/);
  assert.match(
    await failure(() => adam({ beta3: 1 } as object)),
    /Cannot use adam: beta3: unknown key, did you mean beta1/,
  );
  assert.match(await failure(() => cosine({ base: 0.1, final: -1 })), /Cannot use cosine: cosine.final: too small/);
  assert.match(await failure(() => warmup(-1, 0.1)), /Cannot use warmup: warmup: too small/);
});

test("what is trained is what the name says; a function's rate is checked; wrong losses and targets are named", async () => {
  const model = await openModel(await gpu(), { network: tinyNetwork(), input: INPUT }), data = stripes(32);
  const options = { batch: 16, epochs: 1, optimizer: PLAIN, learningRate: 0.1 } as const,
    before = await getParams(model);
  await train(model, data, { ...options, trainable: (name) => name === "conv2/b" });
  const after = await getParams(model),
    changed = Object.keys(after).filter((name) => String(after[name]!.data) !== String(before[name]!.data));
  assert.equal(changed, ["conv2/b"]);
  const failing: [object, RegExp][] = [
    [{ trainable: (name: string) => name === "conv9" }, /trainable matches none of its parameters: conv1\/w, conv1\/b/],
    [{ learningRate: (step: number) => step === 1 ? NaN : 0.1 }, /The learning rate of step 2 is NaN/],
    [{ learningRate: () => -1 }, /The learning rate of step 1 is -1: a schedule returns a number of at least 0/],
    [{ loss: { mse: {} } }, /loss.mse: unknown key/],
    [{ loss: values.softmaxCrossEntropy({ classWeights: [1, 2] }) }, /weights for 2 classes, the network has 3/],
  ];
  for (const [more, expected] of failing) {
    assert.match(await failure(() => train(model, data, { ...options, ...more })), expected);
    assert.equal(await getParams(model), after);
  }
  const targets = { ...data, labels: new Float32Array(96) };
  assert.match(await failure(() => train(model, targets, options)), "the training data: its labels are targets");
  const loss = values.sigmoidCrossEntropy();
  const few = { ...data, labels: new Float32Array(95) }, none = { ...data, labels: new Float32Array(96).fill(NaN) };
  assert.match(await failure(() => train(model, few, { ...options, loss })), "32 examples need 96");
  assert.match(await failure(() => train(model, none, { ...options, loss })), "target 0 of example 0 is NaN");
  closeModel(model);
});

test("a model with a loss for many labels is trained, evaluated and asked for each class by itself", async () => {
  const loss = values.sigmoidCrossEntropy(), data = stripes(96);
  const model = await openModel(await gpu(), { network: tinyNetwork(), input: INPUT }, { seed: 1, loss });
  const labels = Float32Array.from({ length: 3 * 96 }, (_, i) => Number(data.labels[Math.floor(i / 3)] !== i % 3)); // not it
  const rows = await train(model, { ...data, labels }, {
    batch: 32,
    epochs: 25,
    optimizer: adamw(),
    learningRate: warmup(5, cosine({ base: 0.05 })),
    validation: { ...data, labels },
  });
  assert.ok(rows.at(-1)!.testError! < 5, JSON.stringify(rows.at(-1)));
  const score = await evaluate(model, { ...data, labels });
  assert.is(score.error, rows.at(-1)!.testError);
  const [a, b, c] = await predict(model, data.images.subarray(0, 64)); // of class 0
  assert.ok(a! < 0.5 && b! > 0.5 && c! > 0.5, `${a} ${b} ${c}`);
  assert.ok((await evaluate(model, data)).error > 90); // classes as one of each: just the opposite
  closeModel(model);
});

test.run();
