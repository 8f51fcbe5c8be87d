import type { TorchModule } from "../core/graph/export_types.ts";
import { canvasOf, margins } from "../data/canvas.ts";
import { isFitted, transformsOf } from "../data/transforms/mod.ts";
import { modulesOf } from "./pytorch.ts";
import { inputWords, seenShape, type TrainedNetwork } from "./trained_network.ts";

/** The lines of `preprocess`, which turn raw pixels into what the network was trained on. */
function preprocessLines({ dataset, image }: Pick<TrainedNetwork, "dataset" | "image">): string[] {
  return dataset === null ? [] : transformsOf(dataset).flatMap(({ kind, options }) => kind.torch(options, image));
}

/** The line that places images in the middle of their canvas, where there is one. */
function canvasLines({ dataset, image }: Pick<TrainedNetwork, "dataset" | "image">): string[] {
  const canvas = dataset === null ? null : canvasOf(dataset);
  if (canvas === null) return [];
  const [rows, columns] = [margins(canvas, image[0]), margins(canvas, image[1])];
  const pads = [columns.before, columns.after, rows.before, rows.after].join(", ");
  return [`x = nn.functional.pad(x, (${pads}), value=${canvas.background})`];
}

/** The lines that make modules, numbered and named for their layers as comments; `indent` is of the first ones. */
function moduleLines(modules: readonly TorchModule[], indent: string): string[] {
  return modules.flatMap(({ code, layer, params, modules: inner }, index) => {
    const comment = `  # ${index}${layer !== undefined && (params ?? inner) !== undefined ? ` ${layer}` : ""}`;
    if (inner === undefined) return [`${indent}${code},${comment}`];
    return [`${indent}${code}(${comment}`, ...moduleLines(inner, `${indent}    `), `${indent}),`];
  });
}

/** The classes that modules need, each once. */
function definitionsOf(modules: readonly TorchModule[]): string[] {
  const all = modules.flatMap(({ definition, modules: inner = [] }) =>
    [definition ?? [], ...definitionsOf(inner)].flat()
  );
  return [...new Set(all)];
}

/** Python code that builds the network in PyTorch and does its preprocessing; `toPytorch` gives the parameters. */
export function pytorchCode(trained: Omit<TrainedNetwork, "params" | "whitening">): string {
  const { network, dataset, image: [height, width, channels], classes } = trained;
  const modules = modulesOf(network, seenShape(trained));
  const whitens = dataset !== null && isFitted(dataset);
  const parameters = whitens ? "x, whitening" : "x";
  return `"""${network.name}, trained ${dataset === null ? "" : `on ${dataset.name} `}by allcnn.

    from safetensors.torch import load_file

    net = network()
    net.load_state_dict(load_file("FILE"))  # written by: allcnn export RUN --safetensors FILE --layout pytorch
    net.eval()
    logits = net(preprocess(${whitens ? 'images, load_file("RUN/whitening.safetensors")' : "images"}))
"""
import torch
from torch import nn

CLASSES = [
${classes.map((name) => `    ${JSON.stringify(name)},`).join("\n")}
]


def preprocess(${parameters}):
    """x: float32 [N, ${channels}, ${height}, ${width}], ${inputWords(trained)}."""
${[...preprocessLines(trained), ...canvasLines(trained)].map((line) => `    ${line}`).join("\n")}
    return x


${definitionsOf(modules).map((each) => `${each}\n\n\n`).join("")}def network():
    """Takes what preprocess returns, gives logits [N, ${classes.length}]."""
    return nn.Sequential(
${moduleLines(modules, "        ").join("\n")}
    )
`;
}
