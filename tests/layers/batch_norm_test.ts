import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { onnxModel } from "../../export/onnx.ts";
import { fromPytorch, modulesOf, toPytorch } from "../../export/pytorch.ts";
import { activation } from "../../layers/activation.ts";
import { batchNorm } from "../../layers/batch_norm.ts";
import { conv } from "../../layers/conv.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { networkSchema } from "../../layers/network_config.ts";
import { sequential } from "../../layers/sequential.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams } from "../../training/params.ts";
import { predictLogits } from "../../training/predict.ts";
import { train } from "../../training/train.ts";
import { elements } from "../../core/graph/tensor.ts";
import { gpu, random, relativeError } from "../_gpu.ts";
import * as reference from "../_reference.ts";
import { runOnnx } from "../export/_onnx.ts";
import { INPUT, stripes } from "../training/_tiny.ts";
import { onDevice } from "./_on_device.ts";

/** Channels: no multiple of 16, more than 16. */
const CHANNELS = 18, EPSILON = 1e-5;
const gamma = random(CHANNELS, 3).map((value) => value + 1.5), beta = random(CHANNELS, 4);
const kept = { mean: random(CHANNELS, 5), variance: random(CHANNELS, 6).map((value) => value + 1.25) };
const VALUES = { gamma, beta, ...kept };

/** By central differences in float64: the gradient of sum(dy * y) by `values`, at some places. */
function slopes(y: () => Float64Array, values: Float64Array, dy: Float64Array, places: readonly number[]) {
  const sum = () => y().reduce((total, value, i) => total + value * dy[i]!, 0), h = 1e-5;
  return places.map((i) => {
    const value = values[i]!;
    const at = [value + h, value - h].map((moved) => {
      values[i] = moved;
      return sum();
    });
    values[i] = value;
    return (at[0]! - at[1]!) / (2 * h);
  });
}

for (const mode of ["train", "eval"] as const) {
  test(`in ${mode} y agrees with float64, its gradients with finite differences`, async () => {
    for (const [shape, offset] of [[[2, 3, 5, CHANNELS], 0], [[3, 21, 29, CHANNELS], 30]] as const) {
      const count = elements(shape), rows = count / CHANNELS;
      const x = random(count, 1).map((value, i) => value * (1 + i % CHANNELS) + offset), dy = random(count, 2);
      const found = await onDevice(batchNorm("norm"), { shape, x, dy, values: VALUES, mode });
      const given = mode === "train" ? null : kept, options = { gamma, beta, epsilon: EPSILON };
      const { y, mean, variance } = reference.batchNorm(x, options, given);
      const error = relativeError(found.y, y);
      assert.ok(error < 1e-5, `y: ${error}`);
      for (const [name, values] of Object.entries({ x, gamma, beta })) {
        const places = Array.from({ length: 18 }, (_, i) => name === "x" ? i * 9 + 1 : i);
        const expected = slopes(() => reference.batchNorm(x, options, given).y, values, dy, places);
        const error = relativeError(places.map((i) => found.grads[name]![i]!), expected);
        assert.ok(error < 2e-4, `${name} [${shape}]: ${error}`);
      }
      const moved = (from: Float64Array, to: (c: number) => number) =>
        from.map((value, c) => mode === "eval" ? value : 0.9 * value + 0.1 * to(c));
      assert.ok(relativeError(found.values["mean"]!, moved(kept.mean, (c) => mean[c]!)) < 1e-5, "mean");
      const unbiased = moved(kept.variance, (c) => variance[c]! * rows / (rows - 1));
      assert.ok(relativeError(found.values["variance"]!, unbiased) < 1e-5, "variance");
    }
  });
}

const TORCH = "PyTorch's BatchNorm2d in float64 gives the same outputs, gradients and running statistics";
test(TORCH, async () => {
  if (spawnSync("python3", ["-c", "import torch"]).status !== 0) {
    return console.log(`skipped: "${TORCH}", as python3 has no torch`);
  }
  const shape = [2, 3, 5, CHANNELS] as const, x = random(540, 1), dy = random(540, 2);
  const found = await onDevice(batchNorm("norm"), { shape, x, dy, values: VALUES });
  const code = `
import json, sys, torch
given = json.load(sys.stdin)
f = lambda name: torch.tensor(given[name], dtype=torch.float64)
images = lambda name: f(name).view(2, 3, 5, 18).permute(0, 3, 1, 2)
norm = torch.nn.BatchNorm2d(18).double()
norm.load_state_dict({"weight": f("gamma"), "bias": f("beta"), "running_mean": f("mean"), "running_var": f("variance")})
x = images("x").clone().requires_grad_()
y = norm(x)
y.backward(images("dy"))
flat = lambda t: t.detach().permute(0, 2, 3, 1).reshape(-1).tolist()
print(json.dumps({"y": flat(y), "x": flat(x.grad), "gamma": norm.weight.grad.tolist(), "beta": norm.bias.grad.tolist(),
  "mean": norm.running_mean.tolist(), "variance": norm.running_var.tolist()}))
`;
  const input = JSON.stringify({ x: [...x], dy: [...dy] }).slice(0, -1) + "," +
    JSON.stringify(Object.fromEntries(Object.entries(VALUES).map(([name, value]) => [name, [...value]]))).slice(1);
  const { stdout, stderr, status } = spawnSync("python3", ["-c", code], { encoding: "utf8", input });
  assert.is(status, 0, stderr);
  const theirs = JSON.parse(stdout) as Record<string, number[]>, { mean, variance } = found.values;
  for (const [name, ours] of Object.entries({ y: found.y, ...found.grads, mean: mean!, variance: variance! })) {
    const error = relativeError(ours, theirs[name]!);
    assert.ok(error < 1e-5, `${name}: ${error}`);
  }
});

const network = () =>
  sequential("net", [
    conv("conv1", { channels: 8, kernel: 3, padding: "same" }),
    batchNorm("norm1"),
    activation("relu1"),
    conv("conv2", { channels: 3, kernel: 1 }),
    globalAveragePool("mean"),
  ]);

test("a network learns with it, and evaluates by its running statistics; ONNX Runtime gives the same logits", async () => {
  const model = await openModel(await gpu(), { network: network(), input: INPUT }, { seed: 1 }), data = stripes(96);
  const rows = await train(model, data, {
    epochs: 8,
    batch: 32,
    learningRate: { base: 0.1 },
    optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } },
    validation: stripes(32, 2),
  });
  assert.is(rows.at(-1)!.testError, 0);
  const logits = await predictLogits(model, data.images), params = await getParams(model), classes = Array.from("abc");
  const alone = await predictLogits(model, data.images.subarray(0, 64));
  assert.ok(relativeError(alone, logits.subarray(0, 3)) < 1e-5, "depends on the other images");
  const trained = { network: model.network, dataset: null, params, whitening: null, image: INPUT, classes };
  const theirs = await runOnnx(onnxModel(trained), data.images, INPUT);
  assert.ok(relativeError(theirs.logits.data as Float32Array, logits) < 1e-4);

  const tensors = toPytorch(params, model.network, INPUT);
  assert.equal(["weight", "bias", "running_mean", "running_var"].map((name) => tensors[`1.${name}`]!.shape), [
    [8],
    [8],
    [8],
    [8],
  ]);
  const inputs = { network: model.network, image: INPUT, specs: model.saved, source: "memory", line: () => {} };
  assert.equal(fromPytorch(tensors, inputs), params);
  assert.is(modulesOf(model.network, INPUT)[1]!.code, "nn.BatchNorm2d(8, eps=0.00001, momentum=0.1)");
  closeModel(model);
});

const HALF = "in half precision a network learns with it, its statistics in float32";
test(HALF, async () => {
  const context = await gpu();
  if (context.limits.f16 !== true) return console.log(`skipped: "${HALF}" needs a device with shader-f16`);
  const model = await openModel(context, { network: network(), input: INPUT }, { seed: 1 });
  const rows = await train(model, stripes(96), {
    epochs: 6,
    batch: 32,
    learningRate: { base: 0.1 },
    optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } },
    precision: "f16",
  });
  assert.ok(rows.at(-1)!.trainLoss < 0.5 * rows[0]!.trainLoss, rows.map(({ trainLoss }) => trainLoss).join(", "));
  closeModel(model);
});

test("in a config it is a word, or has PyTorch's options in range", () => {
  assert.ok(networkSchema.safeParse(["batchNorm", { batchNorm: { momentum: 0.01, epsilon: 1e-3 } }]).success);
  for (const wrong of [{ momentum: 1.5 }, { epsilon: 0 }, { eps: 1e-5 }]) {
    assert.not(networkSchema.safeParse([{ batchNorm: wrong }]).success, JSON.stringify(wrong));
  }
});

test.run();
