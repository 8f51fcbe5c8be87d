/**
 * This project as a peer of itself: the modules, the order and the cached tunings of `allcnn train`; with the argument
 * `f16`, in mixed precision, and with `f16 matrix`, on matrix units too.
 */
import process from "node:process";
import { openDevice } from "../../core/device/device.ts";
import { UserError } from "../../core/host/errors.ts";
import { printError } from "../../core/host/process.ts";
import { planLoop } from "../../core/device/run_plans.ts";
import { readTensor, writeTensor } from "../../core/device/transfer.ts";
import { cachedTuner } from "../../core/tune/tune.ts";
import { openTuneCache } from "../../core/tune/tune_cache.ts";
import type { Layer } from "../../core/graph/layer.ts";
import manifest from "../../package.json" with { type: "json" };
import { makeResident } from "../../training/resident.ts";
import { writeParams } from "../../training/params.ts";
import { setLossScale } from "../../training/precision.ts";
import { openSession } from "../../training/session.ts";
import { compileStep, submissionsOf, type TrainingStep } from "../../training/training_step.ts";
import { type Inputs, serve, type Trainer } from "./serve.ts";

/** The network with dropout off: evaluating is all the same to the other layers that peers know. */
const withoutDropout = (network: Layer): Layer => ({
  ...network,
  forward: (params, x, trace) => network.forward(params, x, { ...trace, mode: "eval" }),
});

async function open({ config, images, labels, weights }: Inputs): Promise<Trainer> {
  const half = process.argv[2] === "f16", matrix = process.argv[3] === "matrix";
  const context = await openDevice({ matrix }), precision = half ? "f16" : "f32";
  if (half && context.limits.f16 !== true) throw new UserError("This device has no shader-f16");
  if (matrix && context.limits.matrix === undefined) {
    throw new UserError("This device has no matrix units that can be used");
  }
  const tuner = cachedTuner(context, await openTuneCache(context.scope, printError), printError);
  const session = openSession(context, { ...config, precision }), { buffers } = session;
  const count = config.training.batch;
  const data = await makeResident(context, buffers, "train", { images, labels, count, shape: [32, 32, 3] });
  const values = Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, data]));
  const { network } = session, dropoutFree = { ...session, network: withoutDropout(network) };
  const compiled: { [dropout: string]: TrainingStep } = {};
  const loop = planLoop(session);
  let steps = 0;
  return {
    device: context.description,
    version: manifest.version,
    async reset() {
      await writeParams(session, values);
      await setLossScale(session);
    },
    async step({ dropout, learningRate }) {
      const step = compiled[`${dropout}`] ??= await compileStep(dropout ? session : dropoutFree, data, { tuner });
      await writeTensor(context, buffers, session.metrics, new Float32Array(4)); // the loss of this step alone
      await loop.run(submissionsOf(session, step, { step: steps++, seed: 0, learningRate, first: 0 }));
    },
    async finish() {
      await loop.finish();
      const [loss, , examples] = await readTensor(context, buffers, session.metrics);
      context.check();
      return loss! / examples!;
    },
  };
}

await serve(open);
