/** `allcnn evaluate`: loss and error of a checkpoint on the test images. */
import { UserError } from "../core/host/errors.ts";
import { writeFile } from "../core/host/files.ts";
import { evaluateOn } from "../training/evaluate.ts";
import { openExamples } from "../training/open_examples.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { openTrained, TRAINED_OPTIONS } from "./open_trained.ts";
import { progressLine } from "./progress.ts";
import { JSON_OBJECT, refuseOther } from "./replaceable.ts";

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
  await refuseOther(predictions, JSON_OBJECT);
  const { model, config, source } = await openTrained(args, screen);
  const dataset = testExamples === null ? config.dataset : { ...config.dataset, testExamples };
  const from = { ...await source(), config: dataset }, told = { ...screen, whitening: model.whitening };
  let labels: Uint32Array = new Uint32Array(), skipped: ReadonlySet<number> = new Set();
  const lines: string[] = [];
  const score = await evaluateOn(model, async (own) => {
    const opened = await openExamples(own, from, "test", { ...told, loss: own.loss });
    labels = opened.labels;
    if ("skipped" in opened.examples) skipped = opened.examples.skipped;
    return opened.examples;
  }, {
    withLogits: predictions !== null,
    onBatch(first, logits) {
      screen.report("Evaluating", first / labels.length);
      if (logits !== null) lines.push(...predictionLines(first, logits, model.classes, labels, skipped));
    },
  });
  if (!Number.isFinite(score.loss)) {
    throw new UserError(`Cannot evaluate with "${args.positional(0)}": it puts out values that are no numbers`);
  }
  if (predictions !== null) await writeFile(predictions, lines.join(""));
  model.context.close();
  const left = skipped.size === 0 ? "" : `; ${skipped.size} more could not be read`;
  screen.line(`${score.examples} images: loss ${score.loss.toFixed(4)}, error ${score.error.toFixed(2)} %${left}`);
  return 0;
}

/** One JSON line per example of a batch; padding, and pictures that could not be read, are left out. */
function predictionLines(
  first: number,
  logits: Float32Array,
  classes: number,
  labels: Uint32Array,
  skipped: ReadonlySet<number>,
): string[] {
  return Array.from({ length: Math.min(logits.length / classes, labels.length - first) }, (_, n) => {
    if (skipped.has(first + n)) return "";
    const row = Array.from(logits.subarray(n * classes, (n + 1) * classes));
    const predicted = row.indexOf(Math.max(...row));
    return `${JSON.stringify({ index: first + n, label: labels[first + n], predicted, logits: row })}\n`;
  });
}
