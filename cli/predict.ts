/** `allcnn predict`: the most probable classes of pictures. */
import { UserError } from "../core/host/errors.ts";
import { print } from "../core/host/process.ts";
import { checkDecoder } from "../data/image.ts";
import { predict as probabilitiesOf } from "../training/predict.ts";
import { preprocess } from "../training/preprocess.ts";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { openTrained, TRAINED_OPTIONS } from "./open_trained.ts";
import { progressLine } from "./progress.ts";
import { findImages, readImages } from "./read_images.ts";

export const predict: Command = {
  usage: {
    command: "predict",
    positionals: ["RUN_OR_CHECKPOINT", "IMAGE..."],
    summary: "Prints the most probable classes of pictures.",
    details:
      "An IMAGE is a PNG or JPEG file (WebP, GIF, AVIF and TIFF work too) of any size, or a folder of such files. Its\n" +
      "shorter side is scaled to the network's input with Lanczos' filter and the middle is cut out; transparent parts\n" +
      "become white. It is then preprocessed as the training images were.",
    options: [
      { name: "top", value: "N", help: "how many classes of each image; default: 5" },
      {
        name: "json",
        value: null,
        help: "a JSON line per image: { image, top: [{ class, name, probability }] }; all else goes to standard error",
      },
      ...TRAINED_OPTIONS,
    ],
  },
  run: predictCommand,
};

/** Images that are decoded, preprocessed and evaluated together: results appear, and memory stays small. */
const AT_ONCE = 128;
const DEFAULT_TOP = 5;

async function predictCommand(args: Arguments): Promise<number> {
  const json = args.flag("json"), screen = progressLine({ toError: json });
  const top = args.integer("top", 1) ?? DEFAULT_TOP, files = await findImages(args.positionals(1));
  await checkDecoder(); // without it no image can be read: say so once, and before anything slow
  const { model, classes: names } = await openTrained(args, screen);
  let predicted = 0;
  for (let first = 0; first < files.length; first += AT_ONCE) {
    screen.report("Predicting", first / files.length);
    const { read, images } = await readImages(model, files.slice(first, first + AT_ONCE), screen);
    if (read.length === 0) continue;
    const probabilities = await probabilitiesOf(model, await preprocess(model, images));
    for (const [index, path] of read.entries()) {
      const row = probabilities.subarray(index * model.classes, (index + 1) * model.classes);
      if (row.some(Number.isNaN)) {
        throw new UserError(
          `Cannot predict with "${args.positional(0)}": its network puts out values that are no numbers`,
        );
      }
      const classes = mostProbable(row, names).slice(0, top);
      if (json) print(JSON.stringify({ image: path, top: classes }));
      else screen.result(`${path}\n${table(classes)}`);
    }
    predicted += read.length;
  }
  model.context.close();
  return predicted === files.length ? 0 : 1;
}

interface Prediction {
  readonly class: number;
  readonly name: string;
  readonly probability: number;
}

/** All classes, the most probable first. */
function mostProbable(probabilities: Float32Array, names: readonly string[]): Prediction[] {
  return Array.from(probabilities, (probability, index) => ({ class: index, name: names[index]!, probability }))
    .sort((a, b) => b.probability - a.probability);
}

const BAR = 20;

/** A line per class: name, probability in percent, and a bar. */
function table(classes: readonly Prediction[]): string {
  const width = Math.max(...classes.map(({ name }) => name.length));
  return classes.map(({ name, probability }) => {
    const percent = `${(100 * probability).toFixed(2)} %`.padStart(8);
    return `  ${name.padEnd(width)} ${percent} ${"=".repeat(Math.round(BAR * probability))}`.trimEnd();
  }).join("\n");
}
