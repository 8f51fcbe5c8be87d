import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import { draw, key, normals, streamOf } from "../../core/graph/random.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import type { Dataset } from "../../data/dataset.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import { initialParams as drawn } from "../../learning/initial_values/mod.ts";
import { sgdOf } from "../../bench/peers/protocol.ts";
import { makeResident } from "../../training/resident.ts";
import { getParams, writeParams } from "../../training/params.ts";
import { openSession, parameterSpecs } from "../../training/session.ts";
import { submit } from "../../core/device/run_plans.ts";
import { compileStep, destroyStep, submissionsOf } from "../../training/training_step.ts";
import { gpu, relativeError } from "../_gpu.ts";
import { sgd } from "../_reference.ts";
import { lossAndGrads, type Named } from "../_reference_network.ts";
import { CIFAR10, realImages, skipped } from "./_data.ts";

const SIZE = { height: 32, width: 32, channels: 3 };

/**
 * Initial parameters of seed 1, with biases drawn too (deviation 0.1): from zero, a bias has so small a norm after ten
 * steps that one ReLU whose input is within rounding of 0 shows as a relative error of 1e-3.
 */
function initialParams(config: Config): Record<string, Float32Array> {
  const params = drawn(parameterSpecs(config), 1);
  for (const [name, values] of Object.entries(params)) {
    if (name.endsWith("/b")) normals(values.length, 1, streamOf(name)).forEach((value, i) => values[i]! += 0.1 * value);
  }
  return params;
}

/**
 * `steps` steps on the GPU from `initialParams`; parameters and velocity afterwards. Without Winograd, whose rounding
 * tips more ReLUs over, and then single gradients differ for good.
 */
async function trainOnGpu(config: Config, data: Dataset, steps: number, learningRate: number) {
  const opened = await gpu(), context = { ...opened, limits: { ...opened.limits, exact: true } };
  const session = openSession(context, config);
  const resident = await makeResident(context, session.buffers, "train", data);
  const compiled = await compileStep(session, resident, { tuner: defaultTuner(context.limits) });
  await writeParams(session, initialParams(config));
  for (let step = 0; step < steps; step++) {
    submit(
      session,
      submissionsOf(session, compiled, { step, seed: 1, learningRate, first: step * config.training.batch }),
    );
  }
  const params = await getParams(session);
  context.check();
  destroyStep(compiled);
  session.buffers.forEach((buffer) => buffer.destroy());
  return params;
}

/** The same steps in float64; velocity under "velocity/...". */
function trainInFloat64(config: Config, data: Dataset, steps: number, learningRate: number): Named {
  const params: Named = Object.fromEntries(
    Object.entries(initialParams(config)).map(([name, values]) => [name, Float64Array.from(values)]),
  );
  const velocity: Named = Object.fromEntries(
    Object.entries(params).map(([name, values]) => [`velocity/${name}`, new Float64Array(values.length)]),
  );
  const { batch } = config.training, constants = sgdOf(config);
  for (let step = 0; step < steps; step++) {
    const x = Float64Array.from(data.images.subarray(step * batch * 3072, (step + 1) * batch * 3072));
    const labels = data.labels.subarray(step * batch, (step + 1) * batch);
    const { grads } = lossAndGrads(config.network, params, { x, labels, size: SIZE }, {
      seed: 1,
      step,
      first: step * batch,
    });
    for (const name of Object.keys(params)) {
      sgd(params[name]!, velocity[`velocity/${name}`]!, grads[name]!, { ...constants, learningRate });
    }
  }
  return { ...params, ...velocity };
}

/** Every tensor whose name passes `which` agrees after `steps` steps: relative L2 error under 1e-3. */
async function compare(config: Config, data: Dataset, steps: number, rate: number, which: (name: string) => boolean) {
  const expected = trainInFloat64(config, data, steps, rate);
  const actual = await trainOnGpu(config, data, steps, rate);
  const errors = Object.keys(expected).filter(which).map((name) => {
    const error = relativeError(actual[name]!.data, expected[name]!);
    assert.ok(error < 1e-3, `${name}: relative error ${error}`);
    return error;
  });
  console.log(`${config.name}, ${steps} steps: largest relative error ${Math.max(...errors).toExponential(1)}`);
}

const isVelocity = (name: string) => name.startsWith("velocity/");

/**
 * The learning rate is the paper's after its first drop. At 0.05 and four images, a ReLU whose input rounds to the
 * other side of 0 grows to relative errors above 1e-3 within ten steps, also between two float64 runs whose weights
 * differ by 1e-6; so the full rate is compared by the velocity of one step, which is its gradient.
 */
const ALLCNN_C = "ten steps of All-CNN-C with dropout on real images agree with float64, and each gradient of one step";
test(ALLCNN_C, async () => {
  if (CIFAR10 === undefined) return skipped(ALLCNN_C);
  const config = await loadConfig("configs/allcnn-c.yaml", ["training.batch=2"]), data = await realImages(20);
  await compare(config, data, 1, 0.05, isVelocity);
  await compare(config, data, 10, 0.005, (name) => !isVelocity(name));
});

test("five steps of a narrow Base-A, with max pooling and dropout, agree with float64", async () => {
  const config = await loadConfig("configs/base-a.yaml", [
    "training.batch=4",
    "network.1.conv.channels=8",
    "network.4.conv.channels=12",
    "network.7.conv.channels=16",
    "network.8.conv.channels=16",
  ]);
  const data = generateShapes(1, "train", 20);
  data.images.forEach((value, i) => data.images[i] = value / 255 - 0.5);
  await compare(config, data, 5, 0.05, () => true);
});

test("gradients of a quarter-width network agree with finite differences in float64", async () => {
  const config = await loadConfig("configs/allcnn-c.yaml", [
    "training.batch=1",
    ...[1, 2, 3].map((at) => `network.${at}.conv.channels=24`),
    ...[5, 6, 7, 9, 10].map((at) => `network.${at}.conv.channels=48`),
    ...[0, 4, 8].map((at) => `network.${at}.dropout.rate=0`),
    "network.11.conv.activation=none",
    "network.11.conv.initialBias=0",
  ]);
  const data = generateShapes(2, "train", 1);
  data.images.forEach((value, i) => data.images[i] = value / 255 - 0.5);
  const example = { x: Float64Array.from(data.images), labels: data.labels, size: SIZE };
  const params: Named = Object.fromEntries(
    Object.entries(initialParams(config)).map(([name, values]) => [name, Float64Array.from(values)]),
  );
  const { loss, grads } = lossAndGrads(config.network, params, example, null);
  // One step of SGD with rate 1 from rest leaves velocity = -(gradient + decay * w).
  const trained = await trainOnGpu(config, data, 1, 1);
  const names = Object.keys(params), decay = sgdOf(config).weightDecay, step = 1e-6;
  let compared = 0, kinks = 0;
  for (let sample = 0; compared < 40; sample++) {
    const name = names[sample % names.length]!, values = params[name]!;
    const i = draw(key(7, 0, sample), 0) % values.length, w = values[i]!;
    const lossAt = (value: number) => {
      values[i] = value;
      return lossAndGrads(config.network, params, example, null, false).loss;
    };
    const right = (lossAt(w + step) - loss) / step, left = (loss - lossAt(w - step)) / step;
    values[i] = w;
    // Where the one-sided slopes differ, a ReLU switches within the step and there is no derivative to compare with.
    const scale = Math.max(...grads[name]!.map(Math.abs));
    if (Math.abs(right - left) > 1e-5 * scale) {
      kinks++;
      assert.ok(kinks < 40, `${kinks} kinks`);
      continue;
    }
    compared++;
    const difference = (right + left) / 2, gradient = -trained[`velocity/${name}`]!.data[i]! - decay * w;
    assert.ok(Math.abs(grads[name]![i]! - difference) < 1e-5 * scale, `reference ${name}[${i}]`);
    assert.ok(Math.abs(gradient - difference) < 1e-3 * scale, `GPU ${name}[${i}]: ${gradient}, ${difference}`);
  }
  console.log(`compared ${compared} parameters with finite differences, skipped ${kinks} at kinks`);
});

test.run();
