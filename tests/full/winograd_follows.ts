/**
 * `npm run test:winograd -- [--steps N]`: trains configs/small-cifar10.yaml on real CIFAR-10 (ALLCNN_DATA) from one
 * seed, with Winograd wherever it is offered, and with direct sums alone. Runs that differ by rounding drift apart, and
 * at the rate of 0.05 the loss of either jumps now and then, but they learn alike: the first 100 steps must agree within 1 %,
 * the mean of all steps within 5 %.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { loadConfig } from "../../configs/load.ts";
import { type Context, openDevice } from "../../core/device/device.ts";
import { permutation } from "../../core/graph/random.ts";
import { readTensor, writeTensor } from "../../core/device/transfer.ts";
import { defaultTuner, type Tuner } from "../../core/graph/tuner.ts";
import { initialize } from "../../training/snapshot.ts";
import { prepare, type Source, whiteningFor } from "../../training/preprocess.ts";
import { makeResident } from "../../training/resident.ts";
import { openSession } from "../../training/session.ts";
import { submit } from "../../core/device/run_plans.ts";
import { compileStep, destroyStep, submissionsOf } from "../../training/training_step.ts";

const WINDOW = 50, SEED = 0;

const { values: { steps: text } } = parseArgs({ options: { steps: { type: "string", default: "500" } } });
const steps = Number(text), directory = process.env["ALLCNN_DATA"] ?? null;
if (directory === null) {
  console.log("Skipped: ALLCNN_DATA does not name a folder with CIFAR-10");
  process.exit(0);
}
const context = await openDevice();
const config = await loadConfig("configs/small-cifar10.yaml", ["training.learningRate.base=0.05"]);
const source: Source = { config: config.dataset, directory };
const whitening = await whiteningFor(context, source, () => {});
const examples = await prepare(context, source, "train", whitening, () => {});

/** Winograd with the largest tiles where the kernel offers it. */
const winogradTuner: Tuner = {
  async choose(op) {
    const winograd = op.kernel.tunings(op.problem, context.limits)
      .find((tuning) => (tuning as { family?: string }).family === "winograd");
    return winograd ?? await defaultTuner(context.limits).choose(op);
  },
};

/** The mean training loss of each window of steps, and how many ops use Winograd. */
async function losses(device: Context, tuner: Tuner): Promise<{ losses: number[]; winograd: number }> {
  const session = openSession(device, config), { buffers, metrics } = session;
  const data = await makeResident(device, buffers, "train", examples), { batch, learningRate } = config.training;
  const compiled = await compileStep(session, data, { tuner });
  await initialize(session, SEED, null, "");
  const perEpoch = Math.floor(data.count / batch), found: number[] = [];
  for (let step = 0; step < steps; step++) {
    if (step % WINDOW === 0) await writeTensor(device, buffers, metrics, new Float32Array(4));
    if (step % perEpoch === 0) {
      await writeTensor(device, buffers, data.order, permutation(data.count, SEED, step / perEpoch));
    }
    const values = { step, seed: SEED, learningRate: learningRate.base, first: step % perEpoch * batch };
    submit(session, submissionsOf(session, compiled, values));
    if ((step + 1) % WINDOW === 0) {
      const [loss, , count] = await readTensor(device, buffers, metrics);
      found.push(loss! / count!);
      console.log(`step ${step + 1}: loss ${found.at(-1)!.toFixed(4)}`);
    }
  }
  device.check();
  const winograd =
    compiled.plan.ops.filter(({ tuning }) => (tuning as { family?: string }).family === "winograd").length;
  destroyStep(compiled);
  return { losses: found, winograd };
}

const exact = { ...context, limits: { ...context.limits, exact: true } };
const fast = await losses(context, winogradTuner), direct = await losses(exact, defaultTuner(exact.limits));
const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
const differences = fast.losses.map((loss, i) => Math.abs(loss / direct.losses[i]! - 1));
const ofMeans = Math.abs(mean(fast.losses) / mean(direct.losses) - 1);
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
console.log(
  `${fast.winograd} ops with Winograd against ${direct.winograd}; mean loss ${mean(fast.losses).toFixed(4)} against ` +
    `${mean(direct.losses).toFixed(4)} (${percent(ofMeans)} apart); windows of ${WINDOW} steps apart by ` +
    differences.map(percent).join(", "),
);
const alike = ofMeans < 0.05 && differences.slice(0, 100 / WINDOW).every((each) => each < 0.01);
const good = fast.winograd > 0 && direct.winograd === 0 && alike;
console.log(good ? "1 passed, 0 failed" : "0 passed, 1 failed");
process.exit(good ? 0 : 1);
