/**
 * `npm run test:half -- [--config NAME] [--steps N] [--seeds N, 2 or more] [--window N]`: trains from each seed in float32 and in
 * mixed precision, small-cifar10 on real CIFAR-10 (ALLCNN_DATA) unless another config is named, shapes without a folder.
 * Runs that differ by rounding drift apart, and learn alike: the first window of steps must agree within 1 %, and the
 * mean losses of all steps, and of the second half, over all seeds may differ by no more than those of two seeds do.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { loadConfig } from "../../configs/load.ts";
import { openDevice } from "../../core/device/device.ts";
import { permutation } from "../../core/graph/random.ts";
import { readTensor, writeTensor } from "../../core/device/transfer.ts";
import { initialize } from "../../training/snapshot.ts";
import { prepare, type Source, whiteningFor } from "../../training/preprocess.ts";
import { readSums } from "../../training/sums.ts";
import { makeResident } from "../../training/resident.ts";
import { openSession, type Precision } from "../../training/session.ts";
import { submit } from "../../core/device/run_plans.ts";
import { compileStep, destroyStep, submissionsOf } from "../../training/training_step.ts";

const { values } = parseArgs({
  options: {
    config: { type: "string", default: "small-cifar10" },
    steps: { type: "string", default: "500" },
    seeds: { type: "string", default: "3" },
    window: { type: "string", default: "20" },
    set: { type: "string", multiple: true, default: [] },
  },
});
const steps = Number(values.steps), seeds = Number(values.seeds), window = Number(values.window);
const config = await loadConfig(values.config, values.set), { training } = config;
const directory = process.env["ALLCNN_DATA"] ?? null, context = await openDevice();
const why = directory === null && config.dataset.name !== "shapes"
  ? "ALLCNN_DATA names no folder with the data"
  : context.limits.f16 === true
  ? null
  : "this device has no shader-f16";
if (why !== null) {
  console.log(`Skipped: ${why}`);
  process.exit(0);
}
const source: Source = { config: config.dataset, directory };
const whitening = await whiteningFor(context, source, () => {});
const examples = await prepare(context, source, "train", whitening, () => {});

/** The mean training loss of each window of steps. */
async function losses(precision: Precision, seed: number): Promise<number[]> {
  const session = openSession(context, { ...config, precision }), { buffers, metrics } = session;
  const data = await makeResident(context, buffers, "train", examples), { batch, learningRate } = training;
  const step = await compileStep(session, data);
  await initialize(session, seed, null, "");
  const perEpoch = Math.floor(data.count / batch), found: number[] = [];
  for (let at = 0; at < steps; at++) {
    if (at % window === 0) await writeTensor(context, buffers, metrics, new Float32Array(4));
    if (at % perEpoch === 0) {
      await writeTensor(context, buffers, data.order, permutation(data.count, seed, at / perEpoch));
    }
    submit(
      session,
      submissionsOf(session, step, { step: at, seed, learningRate: learningRate.base, first: at % perEpoch * batch }),
    );
    if ((at + 1) % window === 0) {
      const [loss, , count] = await readTensor(context, buffers, metrics);
      found.push(loss! / count!);
    }
  }
  const { lossScale } = await readSums(session);
  const scale = lossScale === null ? "" : `; loss scale ${lossScale.scale}, ${lossScale.skipped} updates skipped`;
  console.log(`seed ${seed}, ${precision}: ${found.map((loss) => loss.toFixed(4)).join(" ")}${scale}`);
  context.check();
  destroyStep(step);
  buffers.forEach((buffer) => buffer.destroy());
  return found;
}

const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
const full: number[][] = [], half: number[][] = [];
for (let seed = 0; seed < seeds; seed++) {
  full.push(await losses("f32", seed));
  half.push(await losses("f16", seed));
}
const atFirst = Math.max(...full.map((each, seed) => Math.abs(half[seed]![0]! / each[0]! - 1)));
const later = (each: readonly number[]) => mean(each.slice(Math.floor(each.length / 2)));
const compared = [["all steps", mean], ["the second half", later]].map(([what, of]) => {
  const summary = of as typeof mean, each = full.map(summary), spread = Math.max(...each) - Math.min(...each);
  const means = [mean(each), mean(half.map(summary))] as const, apart = Math.abs(means[1] - means[0]);
  console.log(
    `mean loss of ${what}: float32 ${means[0].toFixed(4)}, mixed ${means[1].toFixed(4)}, ${apart.toFixed(4)} apart; ` +
      `the seeds of float32 differ by up to ${spread.toFixed(4)}`,
  );
  return apart <= spread;
});
console.log(`first ${window} steps: at most ${(100 * atFirst).toFixed(3)} % apart`);
const good = atFirst < 0.01 && compared.every(Boolean);
console.log(good ? "1 passed, 0 failed" : "0 passed, 1 failed");
process.exit(good ? 0 : 1);
