import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig, parseConfig } from "../../configs/load.ts";
import { UserError } from "../../core/host/errors.ts";
import { failure, includes, TEXT } from "./_tiny.ts";

test("a valid config gets its defaults", () => {
  const { network, training, dataset } = parseConfig(TEXT, "tiny.yaml");
  assert.equal(network[2], {
    conv: { name: "conv2", channels: 10, kernel: 1, stride: 1, padding: "valid", activation: "none", initialBias: 0 },
  });
  assert.is(training.checkpointMinutes, 5);
  assert.equal(training.learningRate.epochs, [1, 2]);
  assert.is(dataset.augment, undefined);
  const flat = parseConfig(TEXT.replace(", factor: 0.1, epochs: [1, 2]", ""), "tiny.yaml");
  assert.equal(flat.training.learningRate, { base: 0.05, factor: 1, epochs: [] });
});

/** What is wrong, the edit, how the message begins, and what it must hold: the value found, what is allowed. */
const WRONG: [what: string, from: string, to: string, place: string, parts: string[]][] = [
  ["unknown key", "batch: 16", "batch: 16\n  seed: 1", "tiny.yaml:11:3 training.seed: unknown key", [
    "batch",
    "learningRate",
  ]],
  ["unknown key at the top", "name: tiny", "name: tiny\nseed: 1", "tiny.yaml:2:1 seed: unknown key", [
    "dataset",
    "training",
  ]],
  ["misspelled required key", "epochs: 2", "epoch: 2", "tiny.yaml:9:3 training.epoch: unknown key", [
    "epochs",
    "batch",
  ]],
  ["misspelled key of a layer", "kernel: 1", "kernal: 1", "tiny.yaml:6:42 network.2.conv.kernal: unknown key", [
    "kernel",
    "channels",
  ]],
  ["missing key", "  batch: 16\n", "", "tiny.yaml:9:3 training.batch: ", ["number", "missing"]],
  ["missing key of a layer", ", kernel: 1", "", "tiny.yaml:6:13 network.2.conv.kernel: ", ["number", "missing"]],
  ["missing section", "dataset", "dataset2", "tiny.yaml:2:1 dataset2: unknown key", ["dataset", "network"]],
  ["wrong type", "batch: 16", "batch: many", "tiny.yaml:10:3 training.batch: ", ["number", '"many"']],
  ["number as text", "channels: 8", "channels: '8'", "tiny.yaml:5:28 network.1.conv.channels: ", ["number", '"8"']],
  ["fraction", "batch: 16", "batch: 1.5", "tiny.yaml:10:3 training.batch: ", ["int", "1.5"]],
  ["no value", "batch: 16", "batch:", "tiny.yaml:10:3 training.batch: ", ["number", "null"]],
  ["infinity", "base: 0.05", "base: .inf", "tiny.yaml:12:19 training.learningRate.base: ", ["number", "Infinity"]],
  ["list for a map", "{ heNormal: {} }", "[heNormal]", "tiny.yaml:13:3 training.init: ", ['["heNormal"]']],
  ["too small", "batch: 16", "batch: 0", "tiny.yaml:10:3 training.batch: ", [">=1", "got 0"]],
  ["too large", "momentum: 0.9", "momentum: 1", "tiny.yaml:11:23 training.optimizer.sgd.momentum: ", ["<1", "got 1"]],
  ["rate of a layer", "rate: 0.2", "rate: 1", "tiny.yaml:4:18 network.0.dropout.rate: ", ["<1", "got 1"]],
  ["bad padding", "padding: same", "padding: full", "tiny.yaml:5:52 network.1.conv.padding: ", [
    "same",
    "valid",
    "number",
    '"full"',
  ]],
  ["bad slope", "relu", "{ leakyRelu: { slope: 2 } }", "tiny.yaml:5:94 network.1.conv.activation.leakyRelu.slope: ", [
    "<1",
    "got 2",
  ]],
  ["bad activation", "activation: relu", "activation: tanh", "tiny.yaml:5:67 network.1.conv.activation: ", [
    "none",
    "relu",
    "leakyRelu",
    '"tanh"',
  ]],
  ["unknown kind of layer", "- globalAveragePool", "- lstm", "tiny.yaml:7:5 network.3: ", [
    "conv",
    "dropout",
    "maxPool",
    "globalAveragePool",
    '"lstm"',
  ]],
  ["misspelled kind of layer", "dropout:", "dropuot:", "tiny.yaml:4:7 network.0.dropuot: unknown key", [
    "did you mean dropout?",
    "conv",
  ]],
  ["misspelled kind alone", "- globalAveragePool", "- globalAvaragePool", "tiny.yaml:7:5 network.3: ", [
    "conv",
    "did you mean globalAveragePool?",
  ]],
  [
    "misspelled kind in a block",
    "- globalAveragePool",
    `- { sequential: { name: a, layers: [{ dropuot: {} }] } }`,
    "",
    [
      "tiny.yaml:7:41 network.3.sequential.layers.0.dropuot: unknown key, did you mean dropout?",
    ],
  ],
  ["missing key in a block", "- globalAveragePool", `- { sequential: { name: a, layers: [{ dropout: {} }] } }`, "", [
    "tiny.yaml:7:50 network.3.sequential.layers.0.dropout.rate: ",
    "missing",
  ]],
  ["no layers in a block", "- globalAveragePool", "- { sequential: { name: a, layers: [] } }", "", [
    "network.3.sequential.layers: ",
    ">=1",
  ]],
  [
    "one name twice in a block",
    "- globalAveragePool",
    `- sequential:
      name: a
      layers: [{ dropout: { name: b, rate: 0 } }, { maxPool: { name: b, kernel: 2, stride: 2 } }]`,
    "tiny.yaml:9:",
    [
      "network.3.sequential.layers.1.maxPool.name: ",
      '"b" names two layers',
    ],
  ],
  ["a given name that another gets", "- globalAveragePool", "- { conv: { name: conv2, channels: 9, kernel: 1 } }", "", [
    '"conv2" names two layers',
  ]],
  ["a layer without a name", "name: conv2, ", "", "tiny.yaml:6:13 network.2.conv.name: ", ["missing"]],
  ["unknown preprocessing", "gcn", "gnc", "tiny.yaml:2:42 dataset.preprocess.0.gnc: unknown key", [
    "did you mean gcn?",
    "zca",
  ]],
  ["unknown data set", "cifar10", "cifar11", "tiny.yaml:2:12 dataset.name: ", [
    "cifar10",
    "shapes",
    '"cifar11"',
    "did you mean cifar10?",
  ]],
  ["labels of CIFAR-10", "cifar10,", "cifar10, labels: coarse,", "tiny.yaml:2:27 dataset.labels: ", [
    "cifar100",
    "cifar10 has none",
    '"coarse"',
  ]],
  ["unknown labels", "cifar10,", "cifar100, labels: some,", "tiny.yaml:2:28 dataset.labels: ", ["fine", "coarse"]],
  ["bad name", "name: tiny", "name: a/b", "tiny.yaml:1:1 name: ", ['"a/b"']],
  ["duplicate layer name", "conv2", "conv1", "tiny.yaml:6:15 network.2.conv.name: ", ['"conv1"', "two layers"]],
  ["epochs that do not grow", "[1, 2]", "[1, 1]", "tiny.yaml:12:56 training.learningRate.epochs.1: ", [
    "grow",
    "got 1",
  ]],
  ["no length", "  epochs: 2\n", "", "tiny.yaml:9:3 training.epochs: ", ["iterations", "missing"]],
  ["iterations that do not grow", "epochs: [1, 2]", "iterations: [9, 8]", "tiny.yaml:12:60 training.learningRate.", [
    "iterations.1",
    "9 is followed by 8",
  ]],
  ["sizes of a folder for CIFAR-10", "cifar10,", "cifar10, imageFolder: { shortSide: 9, crop: 9, flip: true },", "", [
    "dataset.imageFolder: ",
    "cifar10",
  ]],
  ["a folder without sizes", "cifar10,", "imageFolder,", "tiny.yaml:2:10 dataset.imageFolder: ", ["crop", "missing"]],
  [
    "contrasts of a folder's images",
    "cifar10,",
    "imageFolder, imageFolder: { shortSide: 9, crop: 9, flip: true },",
    "",
    [
      "dataset.preprocess: ",
      "channelMeans",
    ],
  ],
  ["means of other channels", "gcn: { scale: 55 }", "channelMeans: [120]", "", [
    "dataset.preprocess.0.channelMeans: ",
    "as many numbers as cifar10 has channels, 3",
  ]],
  [
    "a fitted transform that is not the last",
    "{ gcn: { scale: 55 } }",
    "{ zca: { epsilon: 1 } }, { gcn: { scale: 55 } }",
    "",
    [
      "dataset.preprocess.0: ",
      "zca must be the last",
    ],
  ],
  ["a canvas for whitened images", "cifar10,", "cifar10, canvas: { size: 40, background: 128 },", "", [
    "dataset.preprocess: ",
    "canvas",
    "scale",
  ]],
  ["a canvas smaller than its images", "cifar10,", "cifar10, canvas: { size: 16, background: 128 },", "", [
    "dataset.canvas.size: ",
    ">=32",
    "got 16",
  ]],
];

for (const [what, from, to, place, parts] of WRONG) {
  test(`${what}: the message begins "${place}"`, () => {
    assert.ok(TEXT.includes(from));
    const message = failure(TEXT.replace(from, to));
    assert.is(message.slice(0, place.length), place, message);
    includes(message, parts);
  });
}

const BROKEN: [what: string, from: string, to: string, place: string][] = [
  ["an open bracket", "[1, 2] }", "[1, 2 }", "tiny.yaml:12:58 "],
  ["a key twice", "batch: 16", "batch: 16\n  batch: 32", "tiny.yaml:11:3 "],
  ["wrong indentation", "  init:", " init:", "tiny.yaml:13:1 "],
];
for (const [what, from, to, place] of BROKEN) {
  test(`broken YAML, ${what}: the message begins "${place}"`, () => {
    const message = failure(TEXT.replace(from, to));
    assert.is(message.slice(0, place.length), place, message);
    includes(message, ["not valid YAML"]);
  });
}

for (const text of ["", "- a", "text", "# only a comment"]) {
  test(`${JSON.stringify(text)} is no config`, () => includes(failure(text), ["tiny.yaml:1:1 ", "name", "dataset"]));
}

test("a file that does not exist is a UserError that names it", async () => {
  const error = await loadConfig("configs/none.yaml").then(() => null, (error: unknown) => error);
  assert.instance(error, UserError);
  includes((error as UserError).message, ["configs/none.yaml", "not exist"]);
});

test.run();
