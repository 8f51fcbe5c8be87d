/** `allcnn evaluate`: loss and error of a checkpoint on the test images, and what is behind the error. */
import { UserError } from "../core/host/errors.ts";
import { writeFile } from "../core/host/files.ts";
import { print } from "../core/host/process.ts";
import { drawConfusion } from "../report/confusion_picture.ts";
import { classStatistics, confidentMistakes, type Judged } from "../training/class_statistics.ts";
import { evaluateOn } from "../training/evaluate.ts";
import { judgeBatch } from "../training/evaluate_classes.ts";
import { openExamples } from "../training/open_examples.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { MISTAKES, mistakesPicture } from "./evaluate_mistakes.ts";
import { classTable, type Evaluated, evaluatedJson, summaryLine } from "./evaluate_text.ts";
import { openTrained, TRAINED_OPTIONS } from "./open_trained.ts";
import { progressLine } from "./progress.ts";
import { JSON_OBJECT, PICTURE, refuseOther, refuseTwice } from "./replaceable.ts";

export const evaluate: Command = {
  usage: {
    command: "evaluate",
    positionals: ["RUN_OR_CHECKPOINT"],
    summary: "Prints loss and error of a trained network on the test images.",
    options: [
      { name: "test-examples", value: "N", help: "evaluate on the first N only" },
      { name: "classes", value: null, help: "print the accuracy of each class and the confusion matrix" },
      { name: "png", value: "FILE", help: "draw the confusion matrix" },
      { name: "mistakes", value: "FILE", help: `draw the ${MISTAKES} most confident mistakes, as PNG` },
      { name: "json", value: null, help: "print all of this as one JSON object; all else goes to standard error" },
      { name: "predictions", value: "FILE", help: "write a JSON line per image: index, label, predicted, logits" },
      ...TRAINED_OPTIONS,
    ],
  },
  run: evaluateCommand,
};

async function evaluateCommand(args: Arguments): Promise<number> {
  const json = args.flag("json"), screen = progressLine({ toError: json });
  const testExamples = args.integer("test-examples", 1), predictions = args.text("predictions");
  const png = args.text("png"), pictured = args.text("mistakes");
  await refuseTwice([predictions, png, pictured]);
  await refuseOther(predictions, JSON_OBJECT);
  for (const file of [png, pictured]) await refuseOther(file, PICTURE);
  const { model, config, classes, source } = await openTrained(args, screen);
  const dataset = testExamples === null ? config.dataset : { ...config.dataset, testExamples };
  const from = { ...await source(), config: dataset }, told = { ...screen, whitening: model.whitening };
  let labels: Uint32Array = new Uint32Array(), skipped: ReadonlySet<number> = new Set();
  const lines: string[] = [], judged: Judged[] = [];
  const score = await evaluateOn(model, async (own) => {
    const opened = await openExamples(own, from, "test", { ...told, loss: own.loss });
    labels = opened.labels;
    if ("skipped" in opened.examples) skipped = opened.examples.skipped;
    return opened.examples;
  }, {
    withLogits: true,
    onBatch(first, logits) {
      screen.report("Evaluating", first / labels.length);
      const batch = judgeBatch(model, { first, logits: logits!, labels, skipped });
      for (const each of batch) judged.push(each);
      if (predictions !== null) lines.push(...predictionLines(first, logits!, model.classes, batch));
    },
  });
  if (!Number.isFinite(score.loss)) {
    throw new UserError(`Cannot evaluate with "${args.positional(0)}": it puts out values that are no numbers`);
  }
  model.context.close();
  const statistics = classStatistics(judged, model.classes), mistakes = confidentMistakes(judged, MISTAKES);
  const result: Evaluated = { name: config.name, classes, score, skipped: skipped.size, statistics, mistakes };
  if (json) print(JSON.stringify({ checkpoint: args.positional(0), ...evaluatedJson(result) }));
  else screen.result(summaryLine(result));
  if (args.flag("classes") && !json) screen.result(`\n${classTable(result)}`);
  const write = async (file: string, contents: Uint8Array | string) => {
    await writeFile(file, contents);
    screen.line(`Written: ${file}`);
  };
  if (predictions !== null) await writeFile(predictions, lines.join(""));
  if (png !== null) {
    const title = `${config.name}: ${statistics.error.percent.toFixed(2)} % of ${score.examples} images mistaken`;
    await write(png, await drawConfusion({ title, classes, confusion: statistics.confusion }));
  }
  if (pictured !== null && mistakes.length === 0) screen.line(`Not written: ${pictured}, there are no mistakes`);
  else if (pictured !== null) await write(pictured, await mistakesPicture(result, from));
  return 0;
}

/** One JSON line per example of a batch; padding, and pictures that could not be read, are left out. */
function predictionLines(first: number, logits: Float32Array, classes: number, batch: readonly Judged[]): string[] {
  return batch.map(({ index, label, predicted }) => {
    const row = Array.from(logits.subarray((index - first) * classes, (index - first + 1) * classes));
    return `${JSON.stringify({ index, label, predicted, logits: row })}\n`;
  });
}
