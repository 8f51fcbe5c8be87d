/** Trains a tiny network on whatever device it is given: the same code in Node and, bundled, in a browser. */
import { configSchema } from "../../configs/schema.ts";
import type { Context } from "../../core/device/device.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import type { EpochMetrics } from "../../report/metrics.ts";
import { fit } from "../../training/fit.ts";
import { initialize } from "../../training/snapshot.ts";
import { makeResident } from "../../training/resident.ts";
import { getParams } from "../../training/params.ts";
import { compileEvaluation, openSession } from "../../training/session.ts";
import { compileStep, destroyStep } from "../../training/training_step.ts";

/** What a run leaves, as JSON carries it. */
export interface Trained {
  readonly description: string;
  /** The tuning families of the convolutions, each once. */
  readonly families: readonly string[];
  /** Training loss, test loss, training error and test error of each epoch. */
  readonly scores: readonly (readonly number[])[];
  /** Parameters and velocity by name. */
  readonly params: Readonly<Record<string, readonly number[]>>;
}

const SEED = 5, TRAIN = 96, TEST = 40;

/** Every kind of layer, strides, channels that are no multiple of 4, augmentation: all kernels of a training. */
const CONFIG = configSchema.parse({
  name: "tiny",
  dataset: { name: "shapes", augment: { pad: 2, flip: true } },
  network: [
    { conv: { name: "conv1", channels: 8, kernel: 3, stride: 2, padding: "same", activation: "relu" } },
    { dropout: { rate: 0.2 } },
    { conv: { name: "conv2", channels: 16, kernel: 3, padding: "same", activation: { leakyRelu: { slope: 0.1 } } } },
    { maxPool: { kernel: 3, stride: 2 } },
    { conv: { name: "conv3", channels: 10, kernel: 1 } },
    "globalAveragePool",
  ],
  training: {
    epochs: 2,
    batch: 16,
    optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } },
    learningRate: { base: 0.05, factor: 0.5, epochs: [1] },
    init: { heNormal: {} },
  },
});

/** Two epochs of six steps, each followed by an evaluation. */
export async function trainTiny(context: Context): Promise<Trained> {
  const session = openSession(context, CONFIG);
  const resident = async (split: "train" | "test", count: number) => {
    const data = generateShapes(1, split, count);
    data.images.forEach((value, i) => data.images[i] = value / 127.5 - 1);
    return await makeResident(context, session.buffers, split, data);
  };
  const train = await resident("train", TRAIN);
  const step = await compileStep(session, train, { tuner: defaultTuner(context.limits) });
  const evaluation = await compileEvaluation(session, await resident("test", TEST));
  await initialize(session, SEED, null, "tiny");
  let rows: readonly EpochMetrics[] = [];
  await fit(session, {
    train,
    step,
    evaluation,
    seed: SEED,
    resumed: null,
    whitening: null,
    save: () => Promise.resolve(),
    onEpoch: (each) => {
      rows = [...each];
      return Promise.resolve();
    },
    onStatus: () => {},
    interrupted: () => false,
  });
  const params = Object.entries(await getParams(session)).map(([name, { data }]) => [name, Array.from(data)]);
  const families = Object.values(step.plan.tunings).map((tuning) => (tuning as { family?: string }).family);
  context.check();
  destroyStep(step);
  evaluation.plan.destroy();
  session.buffers.forEach((buffer) => buffer.destroy());
  return {
    description: context.description,
    families: [...new Set(families.filter((family) => family !== undefined))],
    scores: rows.map(({ trainLoss, testLoss, trainError, testError }) => [
      trainLoss,
      testLoss!,
      trainError,
      testError!,
    ]),
    params: Object.fromEntries(params),
  };
}
