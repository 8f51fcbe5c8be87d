/** `allcnn bench`: the time of a whole training step, and, with --profile, of each of its ops against the device's peaks. */
import { loadConfig } from "../configs/load.ts";
import { mebibytes } from "../core/host/memory.ts";
import { measurePeaks, roofline } from "../core/measure/peaks.ts";
import { type StepTarget, type Submission, submit } from "../core/device/run_plans.ts";
import { median } from "../core/measure/profile.ts";
import { profilePlan } from "../core/measure/profile_plan.ts";
import { print } from "../core/host/process.ts";
import { writeFile } from "../core/host/files.ts";
import { opTable, stepSummary } from "../report/op_table.ts";
import { traceEvents } from "../report/trace.ts";
import { precisionNote } from "../training/precision.ts";
import { compileStep, SAME_EACH_TIME, submissionsOf } from "../training/training_step.ts";
import { benchPictures } from "./bench_pictures.ts";
import { type Arguments, CONFIG_DETAILS, SET_OPTION } from "./arguments.ts";
import type { Command } from "./command.ts";
import { JSON_OBJECT, refuseOther, refuseTwice } from "./replaceable.ts";
import { progressLine } from "./progress.ts";
import { openTimedStep } from "./timed_step.ts";
import { DEVICE_OPTIONS, openDeviceFor, TUNE_OPTIONS, tunerOf } from "./tuning_options.ts";

export const bench: Command = {
  usage: {
    command: "bench",
    positionals: ["CONFIG"],
    summary: "Times a training step on generated images, as a whole and op by op.",
    details: CONFIG_DETAILS,
    options: [
      { name: "batch", value: "N", help: "examples per step; default: the config's" },
      { name: "micro-batch", value: "N", help: "examples at a time; default: the whole batch, or as many as fit" },
      SET_OPTION,
      { name: "steps", value: "N", help: "whole steps to time after a warm-up; default: 5" },
      { name: "profile", value: null, help: "print the time of each op beside the device's measured peaks" },
      { name: "trace", value: "FILE", help: "write one step as a trace that ui.perfetto.dev opens" },
      { name: "data", value: "DIR", help: "of an imageFolder: also time reading its pictures, and training on them" },
      { name: "json", value: "FILE", help: "write all figures as JSON, those of --profile too" },
      ...TUNE_OPTIONS,
      ...DEVICE_OPTIONS,
    ],
  },
  run: benchCommand,
};

/** How each dispatch is timed: timestamps of some devices count in units of up to 100 us. */
const SAMPLING = { samples: 3, minimumSeconds: 1e-4 };

async function benchCommand(args: Arguments): Promise<number> {
  const batch = args.integer("batch", 1), steps = args.integer("steps", 1) ?? 5;
  const trace = args.text("trace"), json = args.text("json"), table = args.flag("profile");
  await refuseTwice([trace, json]);
  for (const file of [trace, json]) await refuseOther(file, JSON_OBJECT);
  const config = await loadConfig(args.positional(0)!, [
    ...args.list("set"),
    ...(batch === null ? [] : [`training.batch=${batch}`]),
  ]);
  const context = await openDeviceFor(args);
  print(`Device: ${context.description}`);
  const note = precisionNote(config.precision, context.limits);
  if (note !== null) print(note);
  // Before the network takes its memory.
  const peaks = table || trace !== null || json !== null ? await measurePeaks(context) : null;
  const directory = args.text("data"), microBatch = args.integer("micro-batch", 1);
  const { session, data } = await openTimedStep(context, config);
  const tuner = await tunerOf(context, args, progressLine());
  const compileStart = performance.now();
  const step = await compileStep(session, data, { tuner, microBatch });
  const submissions = submissionsOf(session, step, SAME_EACH_TIME), { plan } = step;
  const compileSeconds = (performance.now() - compileStart) / 1000;

  const { stepSeconds, hostMilliseconds } = await timeSteps(session, submissions, steps);
  const pictures = directory === null ? null : await benchPictures(session, directory, { steps, tuner, microBatch });
  const result = {
    config: config.name,
    precision: session.lossScale === null ? "f32" : "f16",
    batch: config.training.batch,
    microBatch: step.microBatch,
    device: context.description,
    imagesPerSecond: config.training.batch / stepSeconds,
    stepSeconds,
    hostMilliseconds,
    plannedBytes: plan.transientBytes,
    persistentBytes: [...session.buffers.keys()].reduce((sum, { bytes }) => sum + bytes, 0),
    compileSeconds,
    ...(pictures === null ? {} : { pictures }),
  };
  if (peaks !== null) {
    const { dispatches, passSeconds, timeline } = await profilePlan(context, plan, SAMPLING);
    const ops = plan.ops.map(({ op: { label, kernel, problem }, tuning }) => {
      const cost = kernel.cost(problem), floor = roofline(cost, peaks);
      const own = dispatches.filter(({ op }) => op === label);
      const seconds = own.reduce((sum, each) => sum + each.seconds, 0), bound = floor.bound;
      return {
        label,
        kernel: kernel.name,
        tuning,
        seconds,
        ...cost,
        bound,
        floorSeconds: floor.seconds,
        dispatches: own,
      };
    });
    if (table) {
      const clock = context.timestamps ? "" : ", timed on the host, as this device has no timestamps";
      print(
        `Peaks: ${(peaks.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s (multiply-adds in registers), ` +
          `${(peaks.bytesPerSecond / 1e9).toFixed(1)} GB/s (copy)${clock}\n`,
      );
      print(`${opTable(ops, peaks)}\n\n${stepSummary(ops, peaks, passSeconds)}`);
    }
    if (json !== null) await writeJson(json, { ...result, peaks, passSeconds, ops });
    if (trace !== null) {
      const title = `${config.name}, a training step of ${result.batch} on ${context.description}`;
      await writeJson(trace, traceEvents({ title, ops, dispatches, timeline, peaks }));
    }
  }
  context.check();
  const ops = submissions.flatMap(({ plans }) => plans).flatMap(({ ops }) => ops);
  const flops = ops.reduce((sum, { op }) => sum + op.kernel.cost(op.problem).flops, 0);
  print(
    `Step of ${result.batch}${result.precision === "f32" ? "" : " in mixed precision"}${
      step.microBatch === result.batch ? "" : ` in micro-batches of ${step.microBatch}`
    }: ${(1000 * stepSeconds).toFixed(1)} ms, ${result.imagesPerSecond.toPrecision(4)} ` +
      `images/s, ${(flops / stepSeconds / 1e9).toFixed(1)} GFLOP/s; host ${hostMilliseconds.toFixed(2)} ms; planned ` +
      `${mebibytes(result.plannedBytes)} beside ${mebibytes(result.persistentBytes)}; compiled in ` +
      `${compileSeconds.toFixed(1)} s`,
  );
  if (pictures !== null) {
    const { decodedPerCore, decodedPerSecond, trainedPerSecond, waitingPercent } = pictures;
    print(
      `Pictures (${pictures.pictures} files): ${decodedPerCore.toFixed(0)} decoded per second and core, ` +
        `${decodedPerSecond.toFixed(0)} with all threads of the decoder; training on them ` +
        `${trainedPerSecond.toPrecision(4)} images/s, the device waited for them ${
          waitingPercent.toFixed(1)
        } % of the time`,
    );
  }
  context.close();
  return 0;
}

/** Medians of `steps` steps, after one that warms up: submission to completion, and what of it the host encodes. */
async function timeSteps(
  target: StepTarget,
  submissions: readonly Submission[],
  steps: number,
): Promise<{ stepSeconds: number; hostMilliseconds: number }> {
  const seconds: number[] = [], host: number[] = [];
  for (let index = 0; index <= steps; index++) {
    const start = performance.now();
    submit(target, submissions);
    const submitted = performance.now();
    await target.context.device.queue.onSubmittedWorkDone();
    if (index === 0) continue;
    seconds.push((performance.now() - start) / 1000);
    host.push(submitted - start);
  }
  return { stepSeconds: median(seconds), hostMilliseconds: median(host) };
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
