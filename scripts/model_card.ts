/** The model card of the network that comes along: models/README.md. Every figure in it is of the run or the file. */
import type { Config } from "../configs/schema.ts";
import type { EpochMetrics } from "../report/metrics.ts";

/** What models/demo.json says. */
export interface Measured {
  readonly config: Config;
  /** A row for each epoch of the run. */
  readonly metrics: readonly EpochMetrics[];
  /** Epochs that the parameters were trained for. */
  readonly epochs: number;
  /** And for a part of the next one? */
  readonly within: boolean;
  readonly parameters: number;
  readonly file: { readonly bytes: number; readonly sha256: string; readonly precision: "f16" };
  /** What `allcnn evaluate` says of the file. */
  readonly test: { readonly examples: number; readonly loss: number; readonly error: number };
}

const code = (value: unknown) => `\`${JSON.stringify(value)}\``;

export function modelCard({ config, metrics, epochs, within, parameters, file, test }: Measured): string {
  const { dataset, training } = config, planned = training.epochs ?? epochs, last = metrics[epochs - 1];
  const stopped = epochs < planned ? `, of ${planned} that its schedule has: a stand-in until all are done` : "";
  const normalized = JSON.stringify(config.network).includes("batchNorm");
  const part = within ? " and a part of the next" : "";
  const rows = metrics.slice(0, epochs).filter(({ testError }) => testError !== null);
  return `# The network that comes along

\`demo\` is All-CNN-C of [Striving for Simplicity](https://arxiv.org/abs/1412.6806) at half of its
width${
    normalized ? ", with batch normalization" : ""
  }, for CIFAR-10's ten classes. \`npx allcnn predict demo photo.jpg\`, \`serve demo\`, \`visualize demo\`, \`export demo\`,
\`show demo\` and \`loadModel(device, "demo")\` need neither data nor a download; \`evaluate demo\` needs the test images.

| what       | value |
| ---------- | ----- |
| file       | \`demo.safetensors\`, ${file.bytes} bytes, half precision; its metadata hold the config |
| SHA-256    | \`${file.sha256}\` |
| parameters | ${parameters}${normalized ? ", running means and variances included" : ""} |
| test error | **${test.error.toFixed(2)} %**, loss ${
    test.loss.toFixed(4)
  }, of this file on ${test.examples} test images, as \`npx allcnn evaluate demo\` prints them |
| takes      | images of 32x32 pixels, red, green, blue, preprocessed as the config says |
| gives      | a probability for each of airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck |
| licence    | MIT, that of allcnn |

## Data

[CIFAR-10](https://www.cs.toronto.edu/~kriz/cifar.html) (Alex Krizhevsky, 2009): trained on its 50 000 training images,
tested on its 10 000 test images. Preprocessing ${code(dataset.preprocess)}, augmentation ${
    code(dataset.augment ?? {})
  }.
None of its images are in this folder.

## Recipe

${epochs} epochs${part}${stopped}. Batch ${training.batch}, optimizer ${code(training.optimizer)}, learning rate
${code(training.learningRate)}, initial values ${code(training.init)}, ${
    training.clipNorm === undefined ? "no clipping of gradients" : `gradient norm clipped at ${training.clipNorm}`
  }.
The training error of the last epoch was ${
    last?.trainError.toFixed(2)
  } %. [demo.json](demo.json) has the whole config and
the metrics of each epoch; [results/](../results/README.md) its
course; \`npm run model -- RUN_FOLDER\` makes this folder of a run.

| epoch | test error while it trained, float32 |
| ----- | ------------------------------------ |
${rows.map(({ epoch, testError }) => `| ${epoch} | ${testError!.toFixed(2)} % |`).join("\n")}

## Limits

It knows ten classes, and says one of them of any picture; its probabilities are not calibrated. It has seen photos of
32x32 pixels with the object in the middle.

## Sample pictures

\`samples/\` holds a drawing for each class, made by \`scripts/samples.ts\` (\`npm run samples\`), under allcnn's MIT licence.
\`serve demo\` and \`visualize demo\` show them where the test images are not at hand. They are drawings, no photos, so
they measure nothing.
`;
}
