import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeTensors } from "../../core/host/safetensors.ts";
import { explain } from "../../explain/explain.ts";
import { networkInfo } from "../../explain/network_info.ts";
import { receptiveField } from "../../explain/receptive_field.ts";
import { onnxModel } from "../../export/onnx.ts";
import { fromPytorch, toPytorch } from "../../export/pytorch.ts";
import { pytorchCode } from "../../export/pytorch_code.ts";
import { batchNorm } from "../../layers/batch_norm.ts";
import { activation } from "../../layers/activation.ts";
import { conv, type ConvOptions } from "../../layers/conv.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { buildNetwork, entriesOf, networkSchema } from "../../layers/network_config.ts";
import { residual } from "../../layers/residual.ts";
import { sequential } from "../../layers/sequential.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { loadModel, saveModel } from "../../training/model_file.ts";
import { getParams } from "../../training/params.ts";
import { predictLogits } from "../../training/predict.ts";
import { train } from "../../training/train.ts";
import { inFolder } from "../cli/_run.ts";
import { runOnnx } from "../export/_onnx.ts";
import { gpu, random, relativeError } from "../_gpu.ts";
import { stripes } from "../training/_tiny.ts";
import { onDevice } from "./_on_device.ts";

const same = (options: Partial<ConvOptions> = {}): ConvOptions => ({
  channels: 4,
  kernel: 3,
  padding: "same",
  ...options,
});
const SHAPE = [2, 5, 5, 4] as const, COUNT = 200;
const plain = (specs: Readonly<Record<string, { readonly shape: readonly number[] }>>) =>
  Object.fromEntries(
    Object.entries(specs).map(([name, { shape }], i) => [name, random(shape.reduce((a, b) => a * b), 10 + i)]),
  );

test("y and all gradients are those of f, with x and dy added", async () => {
  const layers = () => [conv("conv1", same({ activation: "relu" })), conv("conv2", same())];
  const f = sequential("f", layers()), block = residual("block", layers());
  const x = random(COUNT, 1), dy = random(COUNT, 2), values = plain(f.init(SHAPE).params);
  const given = { shape: SHAPE, x, dy, values };
  const [alone, added] = [await onDevice(f, given), await onDevice(block, given)];
  const { x: dx, ...rest } = alone.grads, plus = (a: Float32Array, b: Float64Array) => a.map((v, i) => v + b[i]!);
  assert.ok(relativeError(added.y, plus(alone.y, x)) < 1e-6);
  assert.ok(relativeError(added.grads["x"]!, plus(dx!, dy)) < 1e-6);
  for (const [name, grad] of Object.entries(rest)) assert.ok(relativeError(added.grads[name]!, grad) < 1e-6, name);
});

test("with a projection, a 1x1 convolution of x with its stride is added, forward and backward", async () => {
  const layers = () => [conv("conv1", same({ channels: 6, stride: 2 }))];
  const block = residual("block", layers(), { projection: true }), { output, params } = block.init(SHAPE);
  assert.equal(output, [2, 3, 3, 6]);
  assert.equal(params["projection/w"]!.shape, [1, 1, 4, 6]);
  const values = plain(params), x = random(COUNT, 1), dy = random(108, 2), given = { shape: SHAPE, x, dy };
  const own = (prefix: string) =>
    Object.fromEntries(
      Object.entries(values).filter(([name]) => name.startsWith(prefix)).map((
        [name, each],
      ) => [name.slice(prefix.length), each]),
    );
  const found = await onDevice(block, { ...given, values });
  const one = await onDevice(layers()[0]!, { ...given, values: own("conv1/") });
  const two = await onDevice(conv("p", { channels: 6, kernel: 1, stride: 2 }), {
    ...given,
    values: own("projection/"),
  });
  const sum = (a: Float32Array, b: Float32Array) => a.map((value, i) => value + b[i]!);
  assert.ok(relativeError(found.y, sum(one.y, two.y)) < 1e-6);
  assert.ok(relativeError(found.grads["x"]!, sum(one.grads["x"]!, two.grads["x"]!)) < 1e-6);
  for (const key of ["w", "b"]) {
    assert.ok(relativeError(found.grads[`conv1/${key}`]!, one.grads[key]!) < 1e-6);
    assert.ok(relativeError(found.grads[`projection/${key}`]!, two.grads[key]!) < 1e-6);
  }
});

const WRITTEN = networkSchema.parse([
  { conv: { name: "conv0", channels: 8, kernel: 3, padding: "same" } },
  {
    residual: {
      name: "block1",
      layers: [
        "batchNorm",
        "activation",
        { conv: { name: "conv1", channels: 8, kernel: 3, padding: "same" } },
        { dropout: { rate: 0.1 } },
      ],
    },
  },
  {
    residual: {
      name: "block2",
      projection: true,
      layers: [{ conv: { name: "conv1", channels: 12, kernel: 3, stride: 2, padding: "same", activation: "relu" } }],
    },
  },
  { conv: { name: "last", channels: 3, kernel: 1 } },
  "globalAveragePool",
]);
const INPUT = [8, 8, 1] as const;

test("a network of a config trains, is saved, exported and looked into", async () => {
  const context = await gpu(), network = buildNetwork("net", WRITTEN), data = stripes(64);
  const entries = entriesOf(network)!;
  assert.equal(entriesOf(buildNetwork("net", entries)), entries);
  assert.equal(entries[2], WRITTEN[2]);
  const model = await openModel(context, { network, input: INPUT }, { seed: 1 });
  const options = { epochs: 5, batch: 32, learningRate: { base: 0.02 }, optimizer: { adamw: {} } };
  const rows = await train(model, data, options);
  assert.ok(rows.at(-1)!.trainLoss < 0.7 * rows[0]!.trainLoss, rows.map(({ trainLoss }) => trainLoss).join(", "));

  const params = await getParams(model), logits = await predictLogits(model, data.images);
  await inFolder(async (folder) => {
    await saveModel(model, `${folder}/model.safetensors`);
    const loaded = await loadModel(context, `${folder}/model.safetensors`);
    assert.equal(await predictLogits(loaded, data.images), logits);
    closeModel(loaded);

    const tensors = toPytorch(params, network, INPUT), trained = { network, dataset: null, image: INPUT };
    assert.equal(
      fromPytorch(tensors, { network, image: INPUT, specs: model.saved, source: "memory", line: assert.unreachable }),
      params,
    );
    assert.equal(tensors["2.2.weight"]!.shape, [12, 8, 1, 1]);
    const whole = { ...trained, params, whitening: null, classes: Array.from("abc") };
    const theirs = await runOnnx(onnxModel(whole), data.images, INPUT);
    assert.ok(relativeError(theirs.logits.data as Float32Array, logits) < 1e-4);

    if (spawnSync("python3", ["-c", "import torch"]).status !== 0) {
      return console.log("skipped: PyTorch runs the exported code of a residual network, as python3 has no torch");
    }
    writeFileSync(`${folder}/net.py`, pytorchCode(whole));
    const images = { shape: [64, 1, 8, 8], data: data.images };
    const write = async (name: string, tensors: Parameters<typeof encodeTensors>[0]["tensors"]) =>
      writeFileSync(`${folder}/${name}`, await encodeTensors({ metadata: {}, tensors }));
    await write("net.safetensors", tensors);
    await write("inputs.safetensors", { images });
    const files = ["net.py", "net.safetensors", "inputs.safetensors"].map((name) => `${folder}/${name}`);
    const { stdout, stderr, status } = spawnSync("python3", ["tests/export/_torch.py", ...files], { encoding: "utf8" });
    assert.is(status, 0, stderr);
    assert.ok(relativeError((JSON.parse(stdout) as number[][]).flat(), logits) < 1e-4);
  });

  const info = networkInfo({ network, input: INPUT }), [, block1, block2] = info;
  assert.equal([block1!.what, block1!.field.height], ["layers, plus their input", 5]);
  assert.is(block2!.multiplications, 16 * 12 * (9 * 8 + 8));
  assert.equal(receptiveField(network, INPUT, "block2"), { top: -3, left: -3, height: 7, width: 7, stride: 2 });
  const looked = await explain(model, data.images.subarray(0, 64), { layer: "block1/conv1", unit: 0, rule: "guided" });
  assert.ok(looked !== undefined);
  closeModel(model);
});

test("shapes that do not add up, and a layer called as its own, are one line", () => {
  const wide = [conv("conv1", same({ channels: 6 }))];
  const failures: readonly (readonly [() => unknown, RegExp])[] = [
    [() => residual("block", wide).init(SHAPE), /input 5x5x4 of residual "block" to its output 5x5x6: set projection/],
    [
      () => residual("block", [conv("conv1", { channels: 4, kernel: 2 })], { projection: true }).init(SHAPE),
      /5x5x4 of residual "block" to its output 4x4x4: no stride makes/,
    ],
    [() => residual("block", [conv("projection", same())]), /"projection" is the name of its own layer/],
  ];
  for (const [make, message] of failures) assert.throws(make, message);
  const norm = residual("block", [batchNorm("norm"), activation("relu")]);
  assert.equal(Object.keys(norm.init(SHAPE).state!), ["norm/mean", "norm/variance"]);
  assert.is(sequential("net", [norm, globalAveragePool("mean")]).init(SHAPE).output[3], 4);
});

test.run();
