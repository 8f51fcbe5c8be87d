import { test } from "uvu";
import * as assert from "uvu/assert";
import process from "node:process";
import { OPTION_WORDS } from "../../cli/words.ts";
import type { UserError } from "../../core/host/errors.ts";
import { parseConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import { type Checkpoint, decode, encode } from "../../training/checkpoint.ts";
import { run } from "../../core/device/plan.ts";
import { defaultTuner, fixedTuner } from "../../core/graph/tuner.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import type { EpochMetrics } from "../../report/metrics.ts";
import { fit } from "../../training/fit.ts";
import { initialize } from "../../training/snapshot.ts";
import { makeResident } from "../../training/resident.ts";
import { getParams } from "../../training/params.ts";
import { compileEvaluation, openSession } from "../../training/session.ts";
import { compileStep, destroyStep } from "../../training/training_step.ts";
import { gpu, relativeError } from "../_gpu.ts";

/** A network small enough to train in a test, with everything that draws random numbers. */
const TINY = `
name: tiny
dataset: { name: shapes, augment: { pad: 2, flip: true } }
network:
  - { conv: { name: conv1, channels: 8, kernel: 3, stride: 2, padding: same, activation: relu } }
  - { dropout: { rate: 0.2 } }
  - { conv: { name: conv2, channels: 16, kernel: 2, stride: 2, padding: same, activation: { leakyRelu: { slope: 0.1 } } } }
  - { maxPool: { kernel: 3, stride: 2 } }
  - { conv: { name: conv3, channels: 10, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 3
  batch: 16
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05, factor: 0.5, epochs: [2] }
  init: { heNormal: {} }
`;

/** Trains on generated shapes, and stops after `stopAfter` steps of this call. */
async function train(
  config: Config,
  from: Checkpoint | null,
  { stopAfter = Infinity, bindingBytes, seed = 5, examples = 80 }: {
    stopAfter?: number;
    bindingBytes?: number;
    seed?: number;
    examples?: number;
  } = {},
) {
  const opened = await gpu();
  const limits = { ...opened.limits, bindingBytes: bindingBytes ?? opened.limits.bindingBytes };
  const context = { ...opened, limits }, session = openSession(context, config);
  const generate = (split: "train" | "test", count: number) => {
    const data = generateShapes(1, split, count);
    data.images.forEach((value, i) => data.images[i] = value / 127.5 - 1);
    return data;
  };
  const data = await makeResident(context, session.buffers, "train", generate("train", examples));
  const test = await makeResident(context, session.buffers, "test", generate("test", 40));
  const fallback = defaultTuner(context.limits);
  const tuner = from === null ? fallback : fixedTuner(from.tunings, context.limits, fallback);
  const step = await compileStep(session, data, { tuner });
  const evaluation = await compileEvaluation(session, test);
  await initialize(session, seed, from, "test");
  let saved: Checkpoint | null = null, steps = 0, rows: readonly EpochMetrics[] = [];
  const finished = await fit(session, {
    train: data,
    step,
    evaluation,
    seed,
    resumed: from === null ? null : { checkpoint: from, rows: [] },
    whitening: null,
    save: async (checkpoint) => {
      saved = await decode(await encode(checkpoint), "memory"); // as a file would be read back
    },
    onEpoch: (each) => {
      rows = [...each];
      return Promise.resolve();
    },
    onStatus: () => {},
    interrupted: () => ++steps >= stopAfter,
  });
  const params = await getParams(session);
  destroyStep(step);
  evaluation.plan.destroy();
  session.buffers.forEach((buffer) => buffer.destroy());
  return { finished, saved: saved!, rows, params };
}

const bytes = (params: Awaited<ReturnType<typeof train>>["params"]) =>
  Object.entries(params).map(([name, { data }]) => `${name} ${Array.from(new Uint32Array(data.buffer)).join()}`).join();

test("a run stopped at any step and resumed ends with byte-identical parameters and the same metrics", async () => {
  const config = parseConfig(TINY, "tiny.yaml");
  const whole = await train(config, null);
  assert.is(whole.finished, true);
  assert.is(whole.rows.length, 3);
  assert.equal(whole.rows.map(({ learningRate }) => learningRate), [0.05, 0.05, 0.025]);
  for (const stop of [1, 4, 5, 7, 12]) {
    const part = await train(config, null, { stopAfter: stop });
    assert.is(part.finished, false);
    const rest = await train(config, part.saved);
    assert.is(rest.finished, true);
    assert.ok(bytes(rest.params) === bytes(whole.params), `stopped after ${stop} steps`);
    const last = (rows: readonly EpochMetrics[]) => {
      const { trainLoss, trainError, testLoss, testError } = rows.at(-1)!;
      return { trainLoss, trainError, testLoss, testError };
    };
    assert.equal(last(rest.rows), last(whole.rows));
  }
});

const HALF = "mixed precision: a run stopped among skipped updates resumes byte by byte, and counts them once";
test(HALF, async () => {
  if ((await gpu()).limits.f16 !== true) return console.log(`skipped: "${HALF}" needs a device with shader-f16`);
  const config = parseConfig(TINY, "tiny.yaml", ["precision=f16", "training.epochs=2"]);
  const { saved } = await train(config, null, { stopAfter: 1 });
  assert.equal(saved.progress!.lossScale, { scale: 65536, good: 1, skipped: 0 });
  // So large a scale that the next gradients overflow.
  const from = { ...saved, progress: { ...saved.progress!, lossScale: { scale: 2 ** 30, good: 1, skipped: 0 } } };
  const whole = await train(config, from), skipped = whole.rows[0]!.skippedUpdates!;
  assert.ok(skipped >= 2 && skipped <= 4, `${skipped} updates skipped`);
  assert.is(whole.saved.progress!.lossScale!.skipped, 0, "counted anew in each epoch");
  for (const stop of [2, 6]) { // within the first epoch, where updates are skipped, and in the second
    const part = await train(config, from, { stopAfter: stop });
    assert.is(part.finished, false);
    const rest = await train(config, part.saved);
    assert.ok(bytes(rest.params) === bytes(whole.params), `stopped after ${stop} steps`);
    assert.equal(rest.saved.progress!.lossScale, whole.saved.progress!.lossScale);
    const counts = [...part.rows, ...rest.rows].map(({ skippedUpdates }) => skippedUpdates);
    assert.equal(counts, whole.rows.map(({ skippedUpdates }) => skippedUpdates));
  }
});

test("iterations end a run within an epoch, with the same steps as a run in epochs; it resumes byte by byte", async () => {
  const byEpochs = await train(parseConfig(TINY, "tiny.yaml"), null, { stopAfter: 13 + 2 * 3 }); // evaluation asks too
  assert.is(byEpochs.saved.progress!.step, 13);
  const text = TINY.replace("epochs: 3", "iterations: 13").replace("epochs: [2]", "iterations: [10]");
  const config = parseConfig(text, "iterations.yaml");
  const whole = await train(config, null);
  assert.is(whole.finished, true);
  assert.equal(whole.rows.map(({ learningRate }) => learningRate), [0.05, 0.05, 0.025]);
  assert.equal(whole.rows.map(({ testError }) => testError !== null), [true, true, true]);
  assert.equal([whole.saved.progress!.step, whole.saved.progress!.epoch], [13, 3]);
  assert.ok(bytes(whole.params) === bytes(byEpochs.params));
  for (const stop of [5, 17, 20]) {
    const part = await train(config, null, { stopAfter: stop });
    const rest = await train(config, part.saved);
    assert.ok(rest.finished && bytes(rest.params) === bytes(whole.params), `stopped after ${stop} steps`);
    assert.is(rest.rows.at(-1)!.trainLoss, whole.rows.at(-1)!.trainLoss);
  }
  const capped = await train(parseConfig(text, "x", ["training.epochs=1"]), null);
  assert.is(capped.saved.progress!.step, 5, "what ends first");
});

/** Images of 32x32 distorted on a canvas of 40x40, for two epochs of which `plain` at the end are not distorted. */
const CANVAS = (plain: number) => `
name: canvas
dataset:
  name: shapes
  canvas:
    size: 40
    background: 128
    distort:
      stretch: 0.2
      flip: true
      shearOrRotation: 0.2
      shift: 3
      color: { offset: 25.5, contrast: 0.15, gradientX: 2.4, gradientY: 2.4 }
      lastEpochsPlain: ${plain}
network:
  - { conv: { name: conv1, channels: 8, kernel: 8, stride: 8, activation: relu } }
  - { conv: { name: conv2, channels: 10, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 2
  batch: 16
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05 }
  init: { heNormal: {} }
`;

test("images are distorted on their canvas until the last plain epochs, and a resumed run draws the same", async () => {
  const config = parseConfig(CANVAS(1), "canvas.yaml"), whole = await train(config, null);
  for (const stop of [3, 10]) {
    const part = await train(config, null, { stopAfter: stop });
    const rest = await train(config, part.saved);
    assert.ok(bytes(rest.params) === bytes(whole.params), `stopped after ${stop} steps`);
  }
  const { distort: _, ...canvas } = config.dataset.canvas!;
  const never = await train({ ...config, dataset: { ...config.dataset, canvas } }, null);
  const plain = await train(parseConfig(CANVAS(2), "canvas.yaml"), null);
  const both = await train(parseConfig(CANVAS(0), "canvas.yaml"), null);
  assert.ok(bytes(plain.params) === bytes(never.params), "two plain epochs are a run without distortion");
  assert.is(new Set([whole, never, both].map(({ params }) => bytes(params))).size, 3);
  const [first, second] = whole.rows;
  assert.is(first!.trainLoss, both.rows[0]!.trainLoss);
  assert.ok(second!.trainLoss !== both.rows[1]!.trainLoss);
});

test("data and parameters in many small chunks train as in one", async () => {
  // 220 KiB of parameters and 960 KiB of images, in bindings of 200 KiB.
  const conv = (name: string) => `  - { conv: { name: ${name}, channels: 160, kernel: 1, activation: relu } }\n`;
  const config = parseConfig(TINY.replace(/(?= {2}- { conv: { name: conv3)/, ["a", "b", "c"].map(conv).join("")), "x");
  const whole = await train(config, null), split = await train(config, null, { bindingBytes: 200 * 2 ** 10 });
  // Small bindings allow fewer parts of split sums, so the rounding differs.
  for (const [name, { data }] of Object.entries(whole.params)) {
    const error = relativeError(split.params[name]!.data, data);
    assert.ok(error < 1e-4, `${name}: ${error}`);
  }
});

test("another seed, or another order of the same examples, gives other parameters", async () => {
  const whole = await train(parseConfig(TINY, "tiny.yaml"), null);
  const plain = await train(parseConfig(TINY.replace("flip: true", "flip: false"), "tiny.yaml"), null);
  assert.ok(bytes(whole.params) !== bytes(plain.params));
});

test("a small network learns eight images by heart", async () => {
  const plain = TINY.replace(", augment: { pad: 2, flip: true }", "").replace("  - { dropout: { rate: 0.2 } }\n", "");
  const settings = ["batch=8", "epochs=80", "evaluateEvery=80", "learningRate.epochs=[]"];
  const config = parseConfig(plain, "heart.yaml", settings.map((each) => `training.${each}`));
  const { rows } = await train(config, null, { examples: 8 });
  assert.is(rows.at(-1)!.trainError, 0);
  assert.ok(rows.at(-1)!.trainLoss < 0.05, String(rows.at(-1)!.trainLoss));
});

test("a tuning that is not offered any more is refused by name", async () => {
  const config = parseConfig(TINY, "tiny.yaml");
  const part = await train(config, null, { stopAfter: 1 });
  const tunings = { ...part.saved.tunings, "conv1/forward": { family: "direct", rows: 99 } };
  try {
    await train(config, { ...part.saved, tunings });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /Cannot resume byte-exactly: conv1\/forward .*; other tunings go on/);
    assert.match((error as UserError).inWords(OPTION_WORDS), /^Cannot resume byte-exactly: .*; --allow-retune goes on/);
  }
});

test("a loss that is no number stops the run before the checkpoint is replaced", async () => {
  const config = parseConfig(TINY.replace("base: 0.05", "base: 1e20"), "tiny.yaml");
  try {
    await train(config, null);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /The loss became NaN .* try a smaller learning rate/);
  }
});

test("1000 steps hold no more memory than 200", async () => {
  const quick = "network: [globalAveragePool, { conv: { name: conv1, channels: 10, kernel: 1 } }]\ntraining:";
  const context = await gpu(), config = parseConfig(TINY.replace(/network:[^]*training:/, quick), "quick.yaml");
  const session = openSession(context, config);
  const data = await makeResident(context, session.buffers, "train", generateShapes(1, "train", 16));
  const step = await compileStep(session, data, { tuner: defaultTuner(context.limits) });
  await initialize(session, 0, null, "");
  const steps = async (count: number) => {
    for (let done = 0; done < count; done++) {
      run(context, step.plan);
      await context.device.queue.onSubmittedWorkDone();
    }
    return process.memoryUsage().rss;
  };
  const before = await steps(200), after = await steps(1000);
  assert.ok(after - before < 24 * 2 ** 20, `${((after - before) / 2 ** 20).toFixed(1)} MiB more`);
});

/** Small, and deep enough that all logits move together, as in the paper's networks. */
const LAST_RELU = (initialBias: number) => `
name: last-relu
dataset: { name: shapes }
network:
  - { conv: { name: conv1, channels: 16, kernel: 8, stride: 8, activation: relu } }
${[2, 3, 4, 5].map((n) => `  - { conv: { name: conv${n}, channels: 16, kernel: 1, activation: relu } }`).join("\n")}
  - { conv: { name: conv6, channels: 10, kernel: 1, activation: relu, initialBias: ${initialBias} } }
  - globalAveragePool
training:
  epochs: 120
  batch: 40
  evaluateEvery: 120
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.25, factor: 0.1, epochs: [30] }
  init: { heNormal: {} }
`;

test("with a last ReLU, an initial bias of 0 dies and learns nothing, 1 learns", async () => {
  const dead = await train(parseConfig(LAST_RELU(0), "dead.yaml"), null, { seed: 1 });
  const live = await train(parseConfig(LAST_RELU(1), "live.yaml"), null, { seed: 1 });
  const loss = ({ rows }: typeof dead) => rows.at(-1)!.trainLoss;
  console.log(`last ReLU: loss ${loss(dead).toFixed(4)} with bias 0, ${loss(live).toFixed(4)} with bias 1`);
  assert.ok(Math.abs(loss(dead) - Math.log(10)) < 1e-4, `dead: all logits 0, loss log(10), got ${loss(dead)}`);
  assert.ok(loss(live) < 2, `live: ${loss(live)}`);
});

test.run();
