/** `allcnn bench`: time, GFLOP/s and share of each op of a training step, and of the whole step. */
import { loadConfig } from "../configs/load.ts";
import { openDevice } from "../core/device.ts";
import { mebibytes } from "../core/buffers.ts";
import { run } from "../core/plan.ts";
import { median, timeOps } from "../core/profile.ts";
import { print } from "../core/runtime.ts";
import { encodeStep } from "../core/step.ts";
import { writeFile } from "../core/storage.ts";
import { writeTensor } from "../core/transfer.ts";
import { defaultTuner } from "../core/tuner.ts";
import { generateShapes } from "../data/generated.ts";
import { initialize } from "../training/fit.ts";
import { makeResident } from "../training/resident.ts";
import { compileTraining, openSession } from "../training/session.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";

export const bench: Command = {
  usage: {
    command: "bench",
    positionals: ["CONFIG"],
    summary: "Times a training step, op by op and as a whole, on generated images.",
    options: [
      { name: "batch", value: "N", help: "examples per step; default: the config's" },
      { name: "steps", value: "N", help: "whole steps to time after a warm-up; default: 5" },
      { name: "json", value: "FILE", help: "write the figures as JSON" },
    ],
  },
  run: benchCommand,
};

async function benchCommand(args: Arguments): Promise<number> {
  const batch = args.integer("batch", 1), steps = args.integer("steps", 1) ?? 5;
  const config = await loadConfig(args.positional(0)!, batch === null ? [] : [`training.batch=${batch}`]);
  const context = await openDevice();
  print(`Device: ${context.description}`);
  const session = openSession(context, config);
  const examples = generateShapes(1, "train", config.training.batch);
  // Scaled as training would: saturated logits would make gradients subnormal, which CPUs multiply slowly.
  examples.images.forEach((value, i) => examples.images[i] = value / 127.5 - 1);
  const data = await makeResident(context, session.buffers, "train", examples);
  await initialize(session, 0, null, "");
  const compileStart = performance.now();
  const plan = await compileTraining(session, data, defaultTuner(context.limits));
  const compileSeconds = (performance.now() - compileStart) / 1000;
  const step = encodeStep({ step: 0, seed: 0, learningRate: 0, first: 0 });
  await writeTensor(context, session.buffers, session.model.step, step);

  const opSeconds = context.timestamps ? await timeOps(context, plan, 3) : new Map<string, number>();
  const seconds: number[] = [], hostMilliseconds: number[] = [];
  for (let index = 0; index <= steps; index++) {
    const start = performance.now();
    run(context, plan);
    const submitted = performance.now();
    await context.device.queue.onSubmittedWorkDone();
    if (index === 0) continue; // warms up
    seconds.push((performance.now() - start) / 1000);
    hostMilliseconds.push(submitted - start);
  }
  context.check();
  const total = [...opSeconds.values()].reduce((sum, each) => sum + each, 0);
  const ops = plan.ops.map(({ op }) => {
    const { flops, bytes } = op.kernel.cost(op.problem), opTime = opSeconds.get(op.label) ?? null;
    return { label: op.label, kernel: op.kernel.name, seconds: opTime, flops, bytes };
  });
  const result = {
    config: config.name,
    batch: config.training.batch,
    device: context.description,
    imagesPerSecond: config.training.batch / median(seconds),
    stepSeconds: median(seconds),
    hostMilliseconds: median(hostMilliseconds),
    plannedBytes: plan.transientBytes,
    persistentBytes: [...session.buffers.keys()].reduce((sum, { bytes }) => sum + bytes, 0),
    compileSeconds,
    ops,
  };
  for (const { label, seconds, flops, bytes } of [...ops].sort((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0))) {
    if (seconds === null) break;
    const share = 100 * seconds / total;
    print(
      `${label.padEnd(24)} ${(1000 * seconds).toFixed(3).padStart(10)} ms ${share.toFixed(1).padStart(5)} % ` +
        `${(flops / seconds / 1e9).toFixed(1).padStart(9)} GFLOP/s ${
          (bytes / seconds / 1e9).toFixed(1).padStart(8)
        } GB/s`,
    );
  }
  const gflops = ops.reduce((sum, { flops }) => sum + flops, 0) / result.stepSeconds / 1e9;
  print(
    `Step of ${result.batch}: ${(1000 * result.stepSeconds).toFixed(1)} ms, ${result.imagesPerSecond.toPrecision(4)} ` +
      `images/s, ${gflops.toFixed(1)} GFLOP/s; host ${result.hostMilliseconds.toFixed(2)} ms; planned ` +
      `${mebibytes(result.plannedBytes)} beside ${mebibytes(result.persistentBytes)}; compiled in ` +
      `${compileSeconds.toFixed(1)} s`,
  );
  const json = args.text("json");
  if (json !== null) await writeFile(json, `${JSON.stringify(result, null, 2)}\n`);
  context.close();
  return 0;
}
