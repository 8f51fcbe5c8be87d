/** A trained network as a folder for huggingface.co: what its files say besides the parameters. */
import type { DatasetConfig } from "../data/dataset_config.ts";
import { datasetKinds } from "../data/datasets/mod.ts";
import { namesOfTransforms } from "../data/transforms/mod.ts";
import type { TrainedNetwork } from "./trained_network.ts";

export interface HubModel extends Pick<TrainedNetwork, "network" | "params" | "image" | "classes" | "dataset"> {
  /** Of the test images in percent, and after how many epochs; null where nothing tells. */
  readonly result: { readonly testError: number; readonly epochs: number } | null;
  /** The config or architecture, as plain data. */
  readonly definition: unknown;
  /** Whether the whitening lies beside the parameters. */
  readonly whitens: boolean;
}

/** Put together, as this file imports nothing of it. */
const USE = ["import { loadModel, openDevice } from", '"allcnn";'].join(" ");

/** `config.json`: what other programs ask a model for, and our own config in it. */
export function hubConfig({ classes, image: [height, width, channels], definition }: HubModel): string {
  return `${
    JSON.stringify(
      {
        library_name: "allcnn",
        image_size: [height, width],
        num_channels: channels,
        id2label: Object.fromEntries(classes.map((name, index) => [index, name])),
        label2id: Object.fromEntries(classes.map((name, index) => [name, index])),
        allcnn: definition,
      },
      null,
      2,
    )
  }\n`;
}

/** `README.md`: a model card, whose front matter the site reads. */
export function modelCard(model: HubModel): string {
  const { network, params, image: [height, width, channels], classes, dataset, result } = model;
  const count = Object.values(params).reduce((sum, { data }) => sum + data.length, 0);
  const hub = dataset === null ? undefined : datasetKinds.get(dataset.name).hub;
  const front = [
    "library_name: allcnn",
    "pipeline_tag: image-classification",
    "tags:\n- image-classification\n- webgpu\n- all-convolutional-net",
    ...hub === undefined ? [] : [`datasets:\n- ${hub}`],
    ...result === null || hub === undefined ? [] : [resultOf(network.name, hub, 1 - result.testError / 100)],
  ];
  return `---
${front.join("\n")}
---

# ${network.name}

A convolutional network of ${count.toLocaleString("en-US")} parameters, trained with allcnn. It tells ${classes.length}
classes apart in images of ${height}x${width} pixels, ${channels === 3 ? "in colour" : "in grey"}: ${
    classes.join(", ")
  }.

${errorOf(model)} ${preprocessingOf(dataset)}

\`\`\`sh
npx allcnn predict model.safetensors photo.jpg
npx allcnn serve model.safetensors
\`\`\`

\`\`\`ts
${USE}

const model = await loadModel(await openDevice(), "model.safetensors");
\`\`\`

The file holds the architecture and the preprocessing${
    model.whitens ? ", and the whitening lies beside it" : ""
  }: nothing else is needed. Parameters are float32, convolutions [height, width, in, out].
`;
}

const errorOf = ({ result }: HubModel) =>
  result === null
    ? "Its test error was not measured."
    : `Its test error after ${result.epochs} epochs is ${result.testError.toFixed(2)} %.`;

function preprocessingOf(dataset: DatasetConfig | null): string {
  const transforms = dataset === null ? "" : namesOfTransforms(dataset);
  return transforms === "" ? "It takes pixels as they are." : `Its images go through ${transforms}.`;
}

/** As the site reads results: https://huggingface.co/docs/hub/model-cards */
const resultOf = (name: string, hub: string, accuracy: number) =>
  `model-index:
- name: ${JSON.stringify(name)}
  results:
  - task:
      type: image-classification
    dataset:
      type: ${hub}
      name: ${hub}
      split: test
    metrics:
    - type: accuracy
      value: ${accuracy.toFixed(4)}`;
