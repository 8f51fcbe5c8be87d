import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../configs/load.ts";
import { type Checkpoint, decode, encode } from "../../training/checkpoint.ts";
import { UserError } from "../../core/host/errors.ts";
import type { EpochMetrics } from "../../report/metrics.ts";
import { fit } from "../../training/fit.ts";
import { initialize } from "../../training/snapshot.ts";
import { getParams } from "../../training/params.ts";
import { openExamples } from "../../training/open_examples.ts";
import { compileEvaluation, openSession } from "../../training/session.ts";
import { compileStep, destroyStep } from "../../training/training_step.ts";
import { gpu } from "../_gpu.ts";
import { colors, type PictureFolder } from "../data/_pictures.ts";

const TINY = `
name: pictures
dataset:
  name: imageFolder
  imageFolder: { shortSide: 28, crop: 24, flip: true }
  preprocess:
    - { channelMeans: [100, 90, 80] }
    - { scale: { subtract: 0, divide: 64 } }
network:
  - { conv: { name: conv1, channels: 8, kernel: 8, stride: 8, activation: relu } }
  - { dropout: { rate: 0.2 } }
  - { conv: { name: conv2, channels: 3, kernel: 1 } }
  - globalAveragePool
training:
  epochs: 8
  batch: 8
  optimizer: { sgd: { momentum: 0.9, weightDecay: 0.0005 } }
  learningRate: { base: 0.02 }
  init: { heNormal: {} }
`;

/** Trains on 27 pictures, 3 steps in an epoch, and evaluates on 6; stops after the n-th question whether to. */
async function train(
  folder: PictureFolder,
  from: Checkpoint | null = null,
  { stopAfter = Infinity, microBatch = 8, settings = [] as readonly string[], seed = 5 } = {},
) {
  const context = await gpu(),
    config = parseConfig(TINY, "pictures.yaml", settings),
    session = openSession(context, config);
  const source = { config: config.dataset, directory: folder.directory }, lines: string[] = [];
  const told = { whitening: null, report: () => {}, line: (text: string) => void lines.push(text) };
  const data = (await openExamples(session, source, "train", told)).examples;
  const test = (await openExamples(session, source, "test", told)).examples;
  const step = await compileStep(session, data, { microBatch });
  const evaluation = await compileEvaluation(session, test);
  await initialize(session, seed, from, "test");
  let saved: Checkpoint | null = null, asked = 0, rows: readonly EpochMetrics[] = [];
  const finished = await fit(session, {
    train: data,
    step,
    evaluation,
    seed,
    resumed: from === null ? null : { checkpoint: from, rows: [] },
    whitening: null,
    save: async (checkpoint) => {
      saved = await decode(await encode(checkpoint), "memory");
    },
    onEpoch: (each) => {
      rows = [...each];
      return Promise.resolve();
    },
    onStatus: () => {},
    interrupted: () => ++asked >= stopAfter,
  });
  const params = await getParams(session);
  destroyStep(step);
  evaluation.plan.destroy();
  session.buffers.forEach((buffer) => buffer.destroy());
  const bytes = Object.values(params).map(({ data }) => new Uint32Array(data.buffer).join()).join();
  return { finished, saved: saved!, rows, bytes, lines };
}

test("a network learns from files; stopped at any step and resumed, it ends with the same bytes", async () => {
  const folder = await colors(9, 2);
  try {
    const whole = await train(folder);
    assert.ok(whole.finished);
    const { testError, trainError, skipped, waitingPercent } = whole.rows.at(-1)!;
    assert.is(testError, 0);
    assert.ok(trainError < 20, String(trainError));
    assert.is(skipped, 0);
    assert.ok(waitingPercent! >= 0 && waitingPercent! <= 100, String(waitingPercent));
    for (const stop of [1, 4, 9]) { // in the middle of an epoch, in an evaluation, later
      const part = await train(folder, null, { stopAfter: stop });
      assert.is(part.finished, false);
      const rest = await train(folder, part.saved);
      assert.ok(rest.bytes === whole.bytes, `stopped after ${stop}`);
      assert.is(rest.rows.at(-1)!.trainLoss, whole.rows.at(-1)!.trainLoss);
    }
    const short = ["training.epochs=1"];
    const once = await train(folder, null, { settings: short }),
      parts = await train(folder, null, { settings: short, microBatch: 4 });
    assert.ok(
      Math.abs(parts.rows[0]!.trainLoss / once.rows[0]!.trainLoss - 1) < 1e-4,
      "micro-batches see the same images",
    );
    assert.is(parts.rows[0]!.trainError, once.rows[0]!.trainError);
    const other = [
      await train(folder, null, { settings: [...short, "dataset.imageFolder.flip=false"] }),
      await train(folder, null, { settings: [...short, "dataset.imageFolder.shortSide=24"] }),
      await train(folder, null, { settings: short, seed: 6 }),
    ];
    assert.is(new Set([once, ...other].map(({ bytes }) => bytes)).size, 4, "flips, places and the seed matter");
  } finally {
    folder.remove();
  }
});

test("broken pictures are named once, counted in every epoch, and training goes on without them", async () => {
  const folder = await colors(8, 2);
  folder.write("train/a/broken.JPEG", Uint8Array.of(1, 2, 3));
  folder.write("train/c/broken.JPEG", Uint8Array.of(1, 2, 3));
  folder.write("val/b/broken.JPEG", Uint8Array.of(1, 2, 3));
  try {
    const settings = ["training.epochs=3", "training.batch=13"]; // two batches of 13 are all 26 pictures
    const { rows, lines } = await train(folder, null, { settings, microBatch: 13 });
    assert.equal(rows.map(({ skipped }) => skipped), [2, 2, 2]);
    assert.ok(rows.every(({ testError, trainLoss }) => Number.isFinite(trainLoss) && testError! <= 100));
    assert.is(lines.length, 3, lines.join("\n"));
    for (const name of ["train/a", "train/c", "val/b"]) {
      assert.ok(lines.some((line) => line.includes(`${name}/broken.JPEG`)), name);
    }
  } finally {
    folder.remove();
  }
});

test("a folder of other classes than the network's, and one that is not named, are refused", async () => {
  const folder = await colors(1, 1), context = await gpu();
  const refused = async (directory: string | null, pattern: RegExp, settings: string[] = []) => {
    const config = parseConfig(TINY, "pictures.yaml", settings), session = openSession(context, config);
    const told = { whitening: null, report: () => {}, line: () => {} };
    try {
      await openExamples(session, { config: config.dataset, directory }, "train", told);
      assert.unreachable();
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, pattern);
    }
  };
  try {
    await refused(folder.directory, /of 3 classes, .* tells 4 apart/, ["network.2.conv.channels=4"]);
    await refused(null, /no folder was given; name the one that holds/);
  } finally {
    folder.remove();
  }
});

test.run();
