/** `allcnn evaluate`: loss and error of a checkpoint on the test images. */
import { dirname } from "node:path";
import { loadConfig } from "../configs/load.ts";
import { UserError } from "../core/errors.ts";
import { cachedTuner } from "../core/tune.ts";
import { openTuneCache } from "../core/tune_cache.ts";
import { isDirectory, writeFile } from "../core/storage.ts";
import { evaluate as evaluateSession } from "../training/evaluate.ts";
import { initializeParams } from "../training/fit.ts";
import { prepare, type Source, whiteningFor } from "../training/preprocess.ts";
import { makeResident } from "../training/resident.ts";
import * as folder from "../training/run_folder.ts";
import { compileEvaluation, openSession } from "../training/session.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { DATA_OPTION, dataFolder } from "./data_folder.ts";
import { progressLine } from "./progress.ts";
import { DEVICE_OPTIONS, openDeviceFor } from "./tuning_options.ts";

export const evaluate: Command = {
  usage: {
    command: "evaluate",
    positionals: ["RUN_OR_CHECKPOINT"],
    summary: "Prints loss and error of a trained network on the test images.",
    options: [
      { name: "config", value: "FILE", help: "the network's config, for a checkpoint that carries none" },
      DATA_OPTION,
      { name: "test-examples", value: "N", help: "evaluate on the first N only" },
      { name: "predictions", value: "FILE", help: "write a JSON line per image: index, label, predicted, logits" },
      ...DEVICE_OPTIONS,
    ],
  },
  run: evaluateCommand,
};

async function evaluateCommand(args: Arguments): Promise<number> {
  const screen = progressLine(), path = args.positional(0)!, configPath = args.text("config");
  const checkpoint = await folder.openCheckpoint(path, screen.line);
  const config = configPath === null ? folder.configOf(checkpoint, path) : await loadConfig(configPath);
  if (config === null) {
    throw new UserError(`Checkpoint "${path}" carries no config: name it with --config, as configs/allcnn-c.yaml`);
  }
  const testExamples = args.integer("test-examples", 1);
  const dataset = testExamples === null ? config.dataset : { ...config.dataset, testExamples };
  const context = await openDeviceFor(args);
  screen.line(`Device: ${context.description}`);
  const session = openSession(context, config);
  await initializeParams(session, checkpoint, path);
  const source: Source = { config: dataset, directory: await dataFolder(args, dataset, screen) };
  const beside = await isDirectory(path) ? path : dirname(path);
  const whitens = dataset.preprocess.some((step) => "zca" in step);
  const whitening = checkpoint.whitening === null || !whitens
    ? await whiteningFor(context, source, screen.report)
    : await folder.readWhitening(beside, checkpoint.whitening);
  const test = await prepare(context, source, "test", whitening, screen.report);
  const data = await makeResident(context, session.buffers, "test", test);
  const cache = await openTuneCache(context.scope, screen.line);
  const evaluation = await compileEvaluation(session, data, cachedTuner(context, cache, screen.line));

  const predictions = args.text("predictions"), lines: string[] = [];
  const score = await evaluateSession(session, evaluation, {
    withLogits: predictions !== null,
    onBatch(first, logits) {
      screen.report("Evaluating", first / data.count);
      if (logits !== null) lines.push(...predictionLines(first, logits, evaluation.batch, test.labels));
    },
  });
  if (predictions !== null) await writeFile(predictions, lines.join(""));
  context.close();
  screen.line(`${data.count} images: loss ${score!.loss.toFixed(4)}, error ${score!.error.toFixed(2)} %`);
  return 0;
}

/** One JSON line per example of a batch; padding is left out. */
function predictionLines(first: number, logits: Float32Array, batch: number, labels: Uint32Array): string[] {
  const classes = logits.length / batch;
  return Array.from({ length: Math.min(batch, labels.length - first) }, (_, n) => {
    const row = Array.from(logits.subarray(n * classes, (n + 1) * classes));
    const predicted = row.indexOf(Math.max(...row));
    return `${JSON.stringify({ index: first + n, label: labels[first + n], predicted, logits: row })}\n`;
  });
}
