/** `allcnn evaluate`: loss and error of a checkpoint on the test images. */
import { loadConfig } from "../configs/load.ts";
import { environment } from "../core/runtime.ts";
import { writeFile } from "../core/storage.ts";
import { cachedTuner } from "../core/tune.ts";
import { openTuneCache } from "../core/tune_cache.ts";
import { evaluate as evaluateModel } from "../training/evaluate.ts";
import { loadModel } from "../training/model_file.ts";
import { prepare, type Source, whiteningFor } from "../training/preprocess.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { progressLine } from "./progress.ts";
import { DEVICE_OPTIONS, openDeviceFor } from "./tuning_options.ts";

export const evaluate: Command = {
  usage: {
    command: "evaluate",
    positionals: ["RUN_OR_CHECKPOINT"],
    summary: "Prints loss and error of a trained network on the test images.",
    options: [
      { name: "config", value: "FILE", help: "the network's config, for a checkpoint that carries none" },
      { name: "data", value: "DIR", help: "folder of the data set's files; default: the variable ALLCNN_DATA" },
      { name: "test-examples", value: "N", help: "evaluate on the first N only" },
      { name: "predictions", value: "FILE", help: "write a JSON line per image: index, label, predicted, logits" },
      ...DEVICE_OPTIONS,
    ],
  },
  run: evaluateCommand,
};

async function evaluateCommand(args: Arguments): Promise<number> {
  const screen = progressLine(), path = args.positional(0)!, configPath = args.text("config");
  const config = configPath === null ? null : await loadConfig(configPath);
  const testExamples = args.integer("test-examples", 1), predictions = args.text("predictions");
  const context = await openDeviceFor(args);
  screen.line(`Device: ${context.description}`);
  const tuner = cachedTuner(context, await openTuneCache(context.scope, screen.line), screen.line);
  const model = await loadModel(context, path, config, { tuner, warn: screen.line });
  const dataset = testExamples === null ? model.config!.dataset : { ...model.config!.dataset, testExamples };
  const source: Source = { config: dataset, directory: args.text("data") ?? (environment("ALLCNN_DATA") || null) };
  const whitening = model.whitening ?? await whiteningFor(context, source, screen.report);
  const test = await prepare(context, source, "test", whitening, screen.report);

  const lines: string[] = [];
  const score = await evaluateModel(model, test, {
    withLogits: predictions !== null,
    onBatch(first, logits) {
      screen.report("Evaluating", first / test.count);
      if (logits !== null) lines.push(...predictionLines(first, logits, model.classes, test.labels));
    },
  });
  if (predictions !== null) await writeFile(predictions, lines.join(""));
  context.close();
  screen.line(`${test.count} images: loss ${score.loss.toFixed(4)}, error ${score.error.toFixed(2)} %`);
  return 0;
}

/** One JSON line per example of a batch; padding is left out. */
function predictionLines(first: number, logits: Float32Array, classes: number, labels: Uint32Array): string[] {
  return Array.from({ length: Math.min(logits.length / classes, labels.length - first) }, (_, n) => {
    const row = Array.from(logits.subarray(n * classes, (n + 1) * classes));
    const predicted = row.indexOf(Math.max(...row));
    return `${JSON.stringify({ index: first + n, label: labels[first + n], predicted, logits: row })}\n`;
  });
}
