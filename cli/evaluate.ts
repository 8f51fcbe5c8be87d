/** `allcnn evaluate`: loss and error of a checkpoint on the test images. */
import { writeFile } from "../core/storage.ts";
import { evaluate as evaluateModel } from "../training/evaluate.ts";
import { prepare } from "../training/preprocess.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { openTrained, TRAINED_OPTIONS } from "./open_trained.ts";
import { progressLine } from "./progress.ts";

export const evaluate: Command = {
  usage: {
    command: "evaluate",
    positionals: ["RUN_OR_CHECKPOINT"],
    summary: "Prints loss and error of a trained network on the test images.",
    options: [
      { name: "test-examples", value: "N", help: "evaluate on the first N only" },
      { name: "predictions", value: "FILE", help: "write a JSON line per image: index, label, predicted, logits" },
      ...TRAINED_OPTIONS,
    ],
  },
  run: evaluateCommand,
};

async function evaluateCommand(args: Arguments): Promise<number> {
  const screen = progressLine(),
    testExamples = args.integer("test-examples", 1),
    predictions = args.text("predictions");
  const { model, config, source } = await openTrained(args, screen);
  const dataset = testExamples === null ? config.dataset : { ...config.dataset, testExamples };
  const test = await prepare(
    model.context,
    { ...await source(), config: dataset },
    "test",
    model.whitening,
    screen.report,
  );

  const lines: string[] = [];
  const score = await evaluateModel(model, test, {
    withLogits: predictions !== null,
    onBatch(first, logits) {
      screen.report("Evaluating", first / test.count);
      if (logits !== null) lines.push(...predictionLines(first, logits, model.classes, test.labels));
    },
  });
  if (predictions !== null) await writeFile(predictions, lines.join(""));
  model.context.close();
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
