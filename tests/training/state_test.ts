/** State that is no parameter: a layer that subtracts a running mean, through training, files, resume and exports. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as z from "zod";
import type { Layer } from "../../core/graph/layer.ts";
import { op } from "../../core/graph/op.ts";
import { elements, type Tensor, tensor } from "../../core/graph/tensor.ts";
import { onnxModel } from "../../export/onnx.ts";
import { fromPytorch, toPytorch } from "../../export/pytorch.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { read, write } from "../../kernels/kernel.ts";
import { elementwise } from "../../kernels/wgsl.ts";
import { conv } from "../../layers/conv.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { defineLayer } from "../../layers/layer_kind.ts";
import { sequential } from "../../layers/sequential.ts";
import { type Checkpoint, decode, encode } from "../../training/checkpoint.ts";
import { submit } from "../../core/device/run_plans.ts";
import { fit } from "../../training/fit.ts";
import { initialize } from "../../training/snapshot.ts";
import { loadModel, saveModel } from "../../training/model_file.ts";
import { closeModel, type Model, modelOf, openModel } from "../../training/model.ts";
import { getParams, writeParams } from "../../training/params.ts";
import { predictLogits } from "../../training/predict.ts";
import { makeResident } from "../../training/resident.ts";
import { sessionWith } from "../../training/session.ts";
import { train } from "../../training/train.ts";
import { compileStep, destroyStep, submissionsOf } from "../../training/training_step.ts";
import { gpu, relativeError } from "../_gpu.ts";
import { inFolder } from "../cli/_run.ts";
import { runOnnx } from "../export/_onnx.ts";
import { INPUT, stripes } from "./_tiny.ts";

/** mean[c] moves a quarter of the way to the mean of x [count, channels]. */
const move: Kernel<{ readonly count: number; readonly channels: number }, null> = {
  name: "move_mean",
  tunings: () => [null],
  stages({ count, channels }) {
    const arrays = `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;`;
    const line = `var sum = 0.0;
  for (var n = 0u; n < ${count}u; n++) { sum += x[n * ${channels}u + i]; }
  mean[i] += 0.25 * (sum / ${count}.0 - mean[i]);`;
    const shader = elementwise(channels, arrays, line);
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ count, channels }) => ({ flops: count * channels, bytes: 4 * count * channels }),
};
const subtract: Kernel<{ readonly count: number; readonly channels: number }, null> = {
  name: "subtract_mean",
  tunings: () => [null],
  stages({ count, channels }) {
    const arrays = `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;`;
    const shader = elementwise(count * channels, arrays, `y[i] = x[i] - mean[i % ${channels}u];`);
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), read(1), write(0)] }] };
  },
  cost: ({ count, channels }) => ({ flops: count * channels, bytes: 8 * count * channels }),
};

/** In training x as it is, while the mean is followed; else x less the mean. Knows float32 alone. */
const centre = defineLayer<Record<never, never>, Record<never, never>>({
  key: "centre",
  schema: z.strictObject({}),
  build: () => ({
    init: (input) => ({ output: input, params: {}, state: { mean: { shape: [input[3]!], init: { constant: 0.5 } } } }),
    forward(params, x, { mode }) {
      const channels = x.shape[3]!, problem = { count: elements(x.shape) / channels, channels }, mean = params["mean"]!;
      const pullback = (dy: Tensor) => ({ ops: [], dx: dy });
      if (mode === "train") {
        return { ops: [op(move, problem, { label: "move", reads: [x], writes: [mean] })], y: x, pullback };
      }
      const y = tensor("y", x.shape);
      return { ops: [op(subtract, problem, { label: "subtract", reads: [x, mean], writes: [y] })], y, pullback };
    },
  }),
  describe: () => "less the running mean",
  onnx: () => [{ op: "Sub", reads: ["x", "mean"], writes: "y" }], // of one channel
  torch: () => [{ code: "Centre()", params: { mean: "running_mean" }, definition: "class Centre(nn.Module): ..." }],
});

const network = (): Layer =>
  sequential("net", [
    sequential("block", [centre("centre"), conv("conv1", { channels: 4, kernel: 3, activation: "relu" })]),
    conv("conv2", { channels: 3, kernel: 1 }),
    globalAveragePool("mean"),
  ]);
const STATE = "block/centre/mean", DATA = stripes(32);
const MEAN = DATA.images.reduce((sum, value) => sum + value, 0) / DATA.images.length;
/** Of the state after so many moves to the mean of all images. */
const after = (moves: number) => MEAN + (0.5 - MEAN) * 0.75 ** moves;
const near = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 1e-5, `${value}, ${expected}`);
const OPTIONS = {
  batch: 32,
  learningRate: { base: 0.05 },
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.5 } },
} as const;
const stateOf = async (model: Model) => (await getParams(model))[STATE]!.data[0]!;

test("layers start their state and move it once in each step, untouched by decay; evaluation reads it", async () => {
  const model = await openModel(await gpu(), { network: network(), input: INPUT }, { seed: 1 });
  assert.equal(Object.keys(model.specs), ["block/conv1/w", "block/conv1/b", "conv2/w", "conv2/b"]);
  assert.equal(Object.keys(model.saved), [...Object.keys(model.specs), STATE]);
  assert.is(await stateOf(model), 0.5);
  const saved: Checkpoint[] = [];
  await train(model, DATA, { ...OPTIONS, epochs: 3, onCheckpoint: (each) => Promise.resolve(void saved.push(each)) });
  near(await stateOf(model), after(3));
  near(saved.at(-1)!.tensors[STATE]!.data[0]!, after(3));
  assert.equal(Object.keys(saved.at(-1)!.tensors).filter((name) => name.startsWith("velocity/block/centre")), []);

  const logits = await predictLogits(model, DATA.images), params = await getParams(model);
  const values = Object.fromEntries(Object.entries(params).map(([name, { data }]) => [name, data]));
  const shifted = await predictLogits(model, DATA.images.map((value) => value + 1));
  await writeParams(model, { ...values, [STATE]: Float32Array.of(values[STATE]![0]! + 1) });
  assert.ok(relativeError(await predictLogits(model, DATA.images.map((value) => value + 1)), logits) < 1e-5);
  assert.ok(relativeError(shifted, logits) > 1e-3);
  const { [STATE]: _, ...rest } = values;
  await writeParams(model, rest);
  assert.is(await stateOf(model), 0.5, "what is not given is as at first");
  closeModel(model);
});

test("in micro-batches each moves the state", async () => {
  const context = await gpu(), training = { ...OPTIONS, epochs: 1 };
  const moved = async (microBatch: number) => {
    const model = await openModel(context, { network: network(), input: INPUT });
    const session = sessionWith(model, training as never, null, "f32");
    const data = await makeResident(context, session.buffers, "train", { ...DATA, images: DATA.images.map(() => 1) });
    const step = await compileStep(session, data, { microBatch });
    await initialize(session, 1, null, "");
    submit(session, submissionsOf(session, step, { step: 0, seed: 1, learningRate: 0.1, first: 0 }));
    const state = await stateOf(session);
    destroyStep(step);
    closeModel(session);
    return state;
  };
  near(await moved(32), 0.5 + 0.5 * (1 - 0.75));
  near(await moved(16), 0.5 + 0.5 * (1 - 0.75 ** 2));
});

test("a training that is resumed ends with the same bytes, state included", async () => {
  const context = await gpu();
  const trained = async (from: Checkpoint | null, stopAfter: number) => {
    const model = modelOf(context, { network: network(), input: INPUT });
    const training = {
      ...OPTIONS,
      batch: 16,
      epochs: 3,
      evaluateEvery: 1,
      checkpointMinutes: 5,
      init: { heNormal: {} },
    };
    const session = sessionWith(
      model,
      { ...training, learningRate: { base: 0.05, factor: 1, epochs: [] } } as never,
      null,
      "f32",
    );
    const data = await makeResident(context, session.buffers, "train", DATA), step = await compileStep(session, data);
    await initialize(session, 1, from, "test");
    let saved: Checkpoint | null = null, steps = 0;
    await fit(session, {
      train: data,
      step,
      evaluation: null,
      seed: 1,
      resumed: from === null ? null : { checkpoint: from, rows: [] },
      whitening: null,
      save: async (checkpoint) => void (saved = await decode(await encode(checkpoint), "memory")),
      onEpoch: () => Promise.resolve(),
      onStatus: () => {},
      interrupted: () => ++steps >= stopAfter,
    });
    destroyStep(step);
    closeModel(session);
    return saved! as Checkpoint;
  };
  const whole = await trained(null, Infinity), half = await trained(null, 3), resumed = await trained(half, Infinity);
  assert.equal(resumed.tensors, whole.tensors);
  assert.not.equal(half.tensors[STATE], whole.tensors[STATE]);
  const { [STATE]: _, ...tensors } = half.tensors;
  await trained({ ...half, tensors }, Infinity).then(
    () => assert.unreachable(),
    (error) => assert.match(String(error), /it has no tensor "block\/centre\/mean" \[1\]/),
  );
});

const HALF = "in half precision state stays float32";
test(HALF, async () => {
  const context = await gpu();
  if (context.limits.f16 !== true) return console.log(`skipped: "${HALF}" needs a device with shader-f16`);
  const model = await openModel(context, { network: network(), input: INPUT }, { seed: 1 });
  await train(model, DATA, { ...OPTIONS, epochs: 2, precision: "f16" });
  near(await stateOf(model), after(2));
  closeModel(model);
});

test("state is saved, loaded and exported", async () => {
  const context = await gpu(), definition = { network: network(), input: INPUT };
  const model = await openModel(context, definition, { seed: 1 });
  await train(model, DATA, { ...OPTIONS, epochs: 2 });
  const params = await getParams(model), logits = await predictLogits(model, DATA.images);
  await inFolder(async (folder) => {
    await saveModel(model, `${folder}/model.safetensors`);
    const loaded = await loadModel(context, `${folder}/model.safetensors`, definition);
    assert.equal(await getParams(loaded), params);
    closeModel(loaded);
  });
  const tensors = toPytorch(params, model.network, INPUT);
  assert.equal(tensors["0.0.running_mean"], params[STATE]);
  const inputs = { network: model.network, image: INPUT, specs: model.saved, source: "memory", line: () => {} };
  assert.equal(fromPytorch(tensors, inputs), params);
  const onnx = onnxModel({
    network: model.network,
    dataset: null,
    params,
    whitening: null,
    image: INPUT,
    classes: ["a", "b", "c"],
  });
  const theirs = await runOnnx(onnx, DATA.images, INPUT);
  assert.ok(relativeError(theirs.logits.data as Float32Array, logits) < 1e-4);
  closeModel(model);
});

test.run();
