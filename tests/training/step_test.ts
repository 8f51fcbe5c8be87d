/** Steps in micro-batches: the same step as the whole one, chosen by what fits. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../configs/load.ts";
import type { Context } from "../../core/device/device.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import { checkShaders } from "../../training/exact_resume.ts";
import type { Resumed, RunOptions } from "../../training/run_options.ts";
import { checkpointOf, initialize } from "../../training/snapshot.ts";
import { getParams } from "../../training/params.ts";
import { makeResident } from "../../training/resident.ts";
import { openSession } from "../../training/session.ts";
import { submit } from "../../core/device/run_plans.ts";
import { compileStep, describeStep, destroyStep, fittingSizes, submissionsOf } from "../../training/training_step.ts";
import { gpu, relativeError } from "../_gpu.ts";

/** Everything that draws random numbers or looks at the batch: dropout fused and apart, augmentation, pooling. */
const TEXT = `
name: parts
dataset: { name: shapes, augment: { pad: 2, flip: true } }
network:
  - { conv: { name: conv1, channels: 8, kernel: 3, stride: 2, padding: same, activation: relu } }
  - { dropout: { rate: 0.2 } }
  - { conv: { name: conv2, channels: 16, kernel: 2, stride: 2, padding: same, activation: { leakyRelu: { slope: 0.1 } } } }
  - { dropout: { rate: 0.3 } }
  - { maxPool: { kernel: 3, stride: 2 } }
  - { conv: { name: conv3, channels: 10, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 1
  batch: 12
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05 }
  init: { heNormal: {} }
`;
const CONFIG = parseConfig(TEXT, "parts.yaml");
/** Images distorted on a canvas. */
const ON_CANVAS = parseConfig(
  TEXT.replace(
    "augment: { pad: 2, flip: true }",
    "canvas: { size: 40, background: 128, distort: { stretch: 0.2, flip: true, shearOrRotation: 0.2, shift: 3, " +
      "color: { offset: 25.5, contrast: 0.15, gradientX: 2.4, gradientY: 2.4 } } }",
  ).replace(/network:[^]*training:/, "network: [{ conv: { name: conv1, channels: 10, kernel: 40 } }]\ntraining:"),
  "canvas.yaml",
);

async function opened(context: Context, config = CONFIG) {
  const session = openSession(context, config), examples = generateShapes(1, "train", 48);
  examples.images.forEach((value, i) => examples.images[i] = value / 127.5 - 1);
  return { session, data: await makeResident(context, session.buffers, "train", examples) };
}

/** Parameters and velocity after three steps, and the sums of losses, errors and examples. */
async function trained(microBatch: number | null, config = CONFIG) {
  const context = await gpu(), { session, data } = await opened(context, config);
  const step = await compileStep(session, data, { microBatch });
  await initialize(session, 3, null, "");
  for (let at = 0; at < 3; at++) {
    submit(session, submissionsOf(session, step, { step: at, seed: 3, learningRate: 0.05, first: 12 * at }));
  }
  const params = await getParams({ ...session, moments: { ...session.moments, metrics: metricsArena(session) } });
  destroyStep(step);
  session.buffers.forEach((buffer) => buffer.destroy());
  return params;
}

/** The running sums, under the name of moments, so that they are read with it. */
const metricsArena = ({ metrics }: Awaited<ReturnType<typeof opened>>["session"]) => ({
  chunks: [metrics],
  views: { sums: metrics },
});

for (const [what, config, sizes] of [["augmented", CONFIG, [6, 1]], ["on a canvas", ON_CANVAS, [3]]] as const) {
  test(`micro-batches of any size make the step of the whole batch, within rounding: ${what}`, async () => {
    const whole = await trained(12, config);
    assert.is(whole["metrics/sums"]!.data[2], 36, "examples");
    for (const microBatch of sizes) {
      const parts = await trained(microBatch, config);
      assert.equal(Object.keys(parts), Object.keys(whole));
      for (const [name, { data }] of Object.entries(whole)) {
        const error = relativeError(parts[name]!.data, data);
        assert.ok(error < 2e-5, `${name} in micro-batches of ${microBatch}: relative error ${error}`);
      }
    }
  });
}

test("the largest micro-batch that fits is chosen, and named", async () => {
  const real = await gpu(), whole = await opened(real);
  assert.is((await fittingSizes(whole.session, whole.data))[0], 12);
  // The largest tensor, conv1's output [n, 16, 16, 8], takes 8 KiB an image; the data lie in chunks.
  const context = { ...real, limits: { ...real.limits, bindingBytes: 5 * 8192 } };
  const { session, data } = await opened(context);
  assert.equal(await fittingSizes(session, data), [3, 2, 1]);
  const step = await compileStep(session, data);
  assert.match(describeStep(session, step), /^batch 12 in micro-batches of 3, [\d.]+ MiB beside the parameters$/);
  destroyStep(step);
});

test("a checkpoint names the update's kernels too, and a step whose optimizer has other shaders is refused", async () => {
  const { session, data } = await opened(await gpu());
  const origin = { progress: null, whitening: null }, resume = { allowRetune: false } as RunOptions;
  const whole = await compileStep(session, data), parts = await compileStep(session, data, { microBatch: 6 });
  await initialize(session, 3, null, "");
  const checkpoint = await checkpointOf(session, { ...origin, step: parts });
  const names = (of: object) => Object.keys(of).filter((name) => name.startsWith("sgd/"));
  assert.equal(names(checkpoint.tunings), names(whole.plan.tunings));
  assert.is(names(checkpoint.tunings).length, 1);
  assert.is((await checkpointOf(session, { ...origin, step: whole })).shaders, whole.plan.shaders, "as ever");

  const from = (shaders: string) => ({ checkpoint: { ...checkpoint, shaders } }) as Resumed;
  const other = { ...parts, update: { ...parts.update!, shaders: "another" } };
  checkShaders(parts, resume, from(checkpoint.shaders));
  assert.throws(() => checkShaders(other, resume, from(checkpoint.shaders)), /this version generates other shaders/);
  checkShaders(other, resume, from(parts.plan.shaders)); // of a version that left the update out
  assert.throws(() => checkShaders(parts, resume, from("another")), /this version generates other shaders/);
  destroyStep(whole);
  destroyStep(parts);
});

test("micro-batches that do not divide the batch are refused, with one that does", async () => {
  const { session, data } = await opened(await gpu());
  try {
    await compileStep(session, data, { microBatch: 5 });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, "Cannot cut batches of 12 into micro-batches of 5: 4 would divide them");
  }
});

test.run();
