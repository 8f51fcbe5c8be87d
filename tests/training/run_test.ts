import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync } from "node:fs";
import { parseConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import { type Context, openDevice } from "../../core/device/device.ts";
import { UserError } from "../../core/host/errors.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { openModel } from "../../training/model.ts";
import { loadModel } from "../../training/model_file.ts";
import { getParams } from "../../training/params.ts";
import { trainRun } from "../../training/run.ts";
import type { Resumed } from "../../training/run_options.ts";
import { keptEpochs, keptPath, latestCheckpoint } from "../../training/run_folder.ts";
import { readMetrics, readSteps } from "../../training/run_records.ts";
import { inFolder } from "../cli/_run.ts";

/** Five steps an epoch; a checkpoint after each step where `often`. */
const config = (often: boolean) =>
  parseConfig(
    `
name: tiny
dataset: { name: shapes, trainExamples: 80, testExamples: 40, augment: { pad: 2, flip: true } }
network:
  - { conv: { name: conv1, channels: 8, kernel: 3, stride: 2, padding: same, activation: relu } }
  - { dropout: { rate: 0.2 } }
  - { conv: { name: conv3, channels: 10, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 3
  batch: 16
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } }
  learningRate: { base: 0.05, factor: 0.5, epochs: [2] }
  init: { heNormal: {} }
  checkpointMinutes: ${often ? 1e-7 : 5}
`,
    "tiny.yaml",
  );

/** Where the device is to be lost: at the n-th question after a step, or at the n-th sight of an evaluation. */
interface Losses {
  readonly steps?: readonly number[];
  readonly evaluations?: readonly number[];
  /** Openings that fail, counted from 0. */
  readonly openings?: readonly number[];
}

/** Trains into `out`, and loses the device on the way. */
async function train(
  out: string,
  often: boolean,
  losses: Losses = {},
  resumed: Resumed | null = null,
  changed: Partial<Config> = {},
) {
  let context: Context | null = null, steps = 0, evaluations = 0, openings = 0;
  const lines: string[] = [];
  const finished = await trainRun({
    config: { ...config(often), ...changed },
    seed: 3,
    source: { config: config(often).dataset, directory: null },
    out,
    lock: { check: () => Promise.resolve(), release: () => Promise.resolve() },
    resumed,
    microBatch: null,
    allowRetune: false,
    open: async () => {
      if (losses.openings?.includes(openings++)) throw new UserError("Cannot find a GPU");
      context = await openDevice();
      return { ...context, limits: { ...context.limits, f16: false } };
    },
    tuner: ({ limits }) => Promise.resolve(defaultTuner(limits)),
    screen: {
      line: (text) => lines.push(text),
      report: () => {},
      status: ({ evaluated }) => {
        if (evaluated !== null && losses.evaluations?.includes(++evaluations)) context!.device.destroy();
      },
      epoch: () => {},
    },
    onStart: () => {},
    interrupted: () => {
      if (losses.steps?.includes(++steps)) context!.device.destroy();
      return false;
    },
    retrySeconds: [0, 0],
  });
  return { finished, lines: lines.filter((line) => !/^(Device|Training)/.test(line)) };
}

/** Steps of an epoch. */
const STEPS = 5;

/** The rows of steps.jsonl add up to those of the epochs. */
async function checkSteps(run: string) {
  const steps = await readSteps(run), rows = await readMetrics(run);
  assert.is(steps.at(-1)!.step, STEPS * rows.length);
  for (const { epoch, trainLoss, trainError } of rows) {
    const own = steps.filter(({ step }) => step > STEPS * (epoch - 1) && step <= STEPS * epoch);
    const sum = (key: "loss" | "error") =>
      own.reduce((sum, row) => {
        const before = steps[steps.indexOf(row) - 1]?.step ?? 0;
        return sum + row[key] * (row.step - before);
      }, 0);
    assert.ok(Math.abs(sum("loss") / STEPS - trainLoss) < 1e-5, `loss of epoch ${epoch}`);
    assert.ok(Math.abs(sum("error") / STEPS - trainError) < 1e-4, `error of epoch ${epoch}`);
  }
}

/** All that two runs must share: the checkpoint's bytes, and the rows, times aside. */
async function result(run: string) {
  await checkSteps(run);
  const rows = (await readMetrics(run)).map(({ imagesPerSecond: _rate, seconds: _seconds, ...row }) => row);
  return { rows, checkpoint: readFileSync(`${run}/checkpoint.safetensors`).toString("base64") };
}

test("a device lost in an epoch, before a save, in an evaluation, and while it is opened: the same bytes in the end", () =>
  inFolder(async (folder) => {
    const [whole, saved, unsaved] = [`${folder}/whole`, `${folder}/saved`, `${folder}/unsaved`];
    assert.equal(await train(whole, true), { finished: true, lines: [] });
    const expected = await result(whole);
    // Step 2 is lost before its checkpoint is read back; the second opening fails.
    const { finished, lines } = await train(saved, true, { steps: [2, 12], evaluations: [1], openings: [1] });
    assert.is(finished, true);
    assert.is(lines.length, 4, lines.join("\n"));
    assert.match(
      lines[0]!,
      /^The GPU device was lost \(destroyed: .*\): opening it again in 0 s, going on from step 1$/,
    );
    assert.match(lines[1]!, /^Cannot find a GPU: opening it again in 0 s, going on from step 1$/);
    assert.match(lines[2]!, /going on from step 5$/); // within the evaluation after it
    assert.match(lines[3]!, /going on from step [5-9]$/);
    assert.equal(await result(saved), expected);

    // Without checkpoints in between the start is the last one; two losses there are one too many, and a resume mends it.
    const error = await train(unsaved, false, { steps: [3, 6, 9] }).then(() => null, (error: unknown) => error);
    assert.instance(error, UserError);
    assert.match(
      (error as UserError).message,
      new RegExp(`lost .* without a new checkpoint; once it works, go on with the run in ${unsaved}$`),
    );
    const resumed = { config: config(false), checkpoint: await latestCheckpoint(unsaved, () => {}), rows: [] };
    await train(unsaved, false, {}, resumed);
    assert.equal((await result(unsaved)).rows, expected.rows);

    // Mixed precision on a device without half precision: one line, and the run of float32.
    const training = { ...config(false).training, keepEvery: 2 };
    const half = await train(`${folder}/half`, false, {}, null, { precision: "f16", training });
    const line = "precision f16: this device has no shader-f16 (on NVIDIA, safe mode hides it), training in float32";
    assert.equal(half, { finished: true, lines: [line] });
    assert.equal((await result(`${folder}/half`)).rows, expected.rows);

    // What is kept to look back: before the first step, and after every second epoch.
    assert.equal(await keptEpochs(`${folder}/half`), [0, 2]);
    const kept = (epoch: number) => loadModel(device, keptPath(`${folder}/half`, epoch)).then(getParams);
    const device = await openDevice(), first = await kept(0), second = await kept(2);
    assert.equal(first, await getParams(await openModel(device, config(false), { seed: 3 })));
    assert.is.not(first["conv1/w"]!.data[0], second["conv1/w"]!.data[0]);
    device.close();
  }));

test.run();
