import { test } from "uvu";
import * as assert from "uvu/assert";
import { readdirSync, readFileSync } from "node:fs";
import { loadConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import type { ConvProblem } from "../../kernels/conv_problem.ts";
import { elements, tensor } from "../../core/tensor.ts";
import { buildNetwork } from "../../layers/mod.ts";
import { learningRateSchedule } from "../../core/schedule.ts";
import { classNames } from "../../training/datasets.ts";

/** The top of Table 1, the same in all networks: 3x3 without padding takes 8x8 to 6x6, then two 1x1, and the mean. */
const TOP = "3x3 192 /1 pad 0 relu 6; 1x1 192 /1 pad 0 relu 6; 1x1 10 /1 pad 0 relu 6; average 6";

/** All-CNN-C of Table 2. */
const ALL_CNN_C = `dropout 0.2; 3x3 96 /1 pad 1 relu 32; 3x3 96 /1 pad 1 relu 32; 3x3 96 /2 pad 1 relu 16; dropout 0.5;
     3x3 192 /1 pad 1 relu 16; 3x3 192 /1 pad 1 relu 16; 3x3 192 /2 pad 1 relu 8; dropout 0.5; ${TOP}`;

/** Section 3.2: flipped images, and translations by at most 5 pixels in each dimension. */
const SMALL_AUGMENTATION = { pad: 5, flip: true };

/**
 * Tables 1 to 4, typed in. Each convolution: kernel, channels, /stride, padding, activation, height and width of its
 * output; then parameters (weights and biases), test error in percent and, where it is not CIFAR-10 as it is, as in
 * Table 3, the data set.
 */
const NETWORKS: Record<string, [layers: string, params: number, testError: number, dataset?: object]> = {
  "base-a": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; max 3x3 /2 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    839242,
    12.47,
  ],
  "base-b": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 1x1 96 /1 pad 0 relu 32; max 3x3 /2 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 1x1 192 /1 pad 0 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    885610,
    10.20,
  ],
  "base-c": [
    `dropout 0.2; 3x3 96 /1 pad 1 relu 32; 3x3 96 /1 pad 1 relu 32; max 3x3 /2 16; dropout 0.5;
     3x3 192 /1 pad 1 relu 16; 3x3 192 /1 pad 1 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    954730,
    9.74,
  ],
  "strided-a": [
    `dropout 0.2; 5x5 96 /2 pad 2 relu 16; dropout 0.5; 5x5 192 /2 pad 2 relu 8; dropout 0.5; ${TOP}`,
    839242,
    13.46,
  ],
  "strided-b": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 1x1 96 /2 pad 0 relu 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 1x1 192 /2 pad 0 relu 8; dropout 0.5; ${TOP}`,
    885610,
    10.98,
  ],
  "strided-c": [
    `dropout 0.2; 3x3 96 /1 pad 1 relu 32; 3x3 96 /2 pad 1 relu 16; dropout 0.5;
     3x3 192 /1 pad 1 relu 16; 3x3 192 /2 pad 1 relu 8; dropout 0.5; ${TOP}`,
    954730,
    10.19,
  ],
  "convpool-a": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 3x3 96 /1 pad 1 relu 32; max 3x3 /2 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 3x3 192 /1 pad 1 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    1254250,
    10.21,
  ],
  "convpool-b": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 1x1 96 /1 pad 0 relu 32; 3x3 96 /1 pad 1 relu 32; max 3x3 /2 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 1x1 192 /1 pad 0 relu 16; 3x3 192 /1 pad 1 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    1300618,
    9.33,
  ],
  "convpool-c": [
    `dropout 0.2; 3x3 96 /1 pad 1 relu 32; 3x3 96 /1 pad 1 relu 32; 3x3 96 /1 pad 1 relu 32; max 3x3 /2 16; dropout 0.5;
     3x3 192 /1 pad 1 relu 16; 3x3 192 /1 pad 1 relu 16; 3x3 192 /1 pad 1 relu 16; max 3x3 /2 8; dropout 0.5; ${TOP}`,
    1369738,
    9.31,
  ],
  "allcnn-a": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 3x3 96 /2 pad 1 relu 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 3x3 192 /2 pad 1 relu 8; dropout 0.5; ${TOP}`,
    1254250,
    10.30,
  ],
  "allcnn-b": [
    `dropout 0.2; 5x5 96 /1 pad 2 relu 32; 1x1 96 /1 pad 0 relu 32; 3x3 96 /2 pad 1 relu 16; dropout 0.5;
     5x5 192 /1 pad 2 relu 16; 1x1 192 /1 pad 0 relu 16; 3x3 192 /2 pad 1 relu 8; dropout 0.5; ${TOP}`,
    1300618,
    9.10,
  ],
  "allcnn-c": [ALL_CNN_C, 1369738, 9.08],
  "allcnn-c-augmented": [ALL_CNN_C, 1369738, 7.25, { name: "cifar10", augment: SMALL_AUGMENTATION }],
  "allcnn-c-cifar100": [
    ALL_CNN_C.replace("1x1 10 ", "1x1 100 "),
    1387108,
    33.71,
    { name: "cifar100", labels: "fine", augment: SMALL_AUGMENTATION },
  ],
};

type Facts = ConvProblem & { slope: number | null; rate: number; positions: number };

/** What a traced forward op does, in the words of the table above: what will run, not what the YAML says. */
function describe(
  { kernel, problem, writes }: {
    kernel: { name: string };
    problem: unknown;
    writes: readonly { shape: readonly number[] }[];
  },
) {
  const p = problem as Facts, [, height, width] = writes[0]!.shape;
  const size = height === width ? height : `${height}x${width}`;
  switch (kernel.name) {
    case "conv_forward": {
      const activation = p.slope === null ? "none" : p.slope === 0 ? "relu" : `slope ${p.slope}`;
      return `${p.kernel}x${p.kernel} ${p.outChannels} /${p.stride} pad ${p.padding} ${activation} ${size}`;
    }
    case "max_pool_forward":
      return `max ${p.kernel}x${p.kernel} /${p.stride} ${size}`;
    case "global_average_pool_forward":
      return `average ${Math.sqrt(p.positions)}`;
    default:
      return `${kernel.name} ${p.rate}`;
  }
}

/** The forward pass of a config's network on `input`, its parameters and its output. */
function traced({ name, network: layers }: Config, input: readonly number[]) {
  const network = buildNetwork(name, layers), { params: specs, output } = network.init(input);
  const tensors = Object.fromEntries(Object.entries(specs).map(([key, { shape }]) => [key, tensor(key, shape)]));
  const { ops } = network.forward(tensors, tensor("x", input), { mode: "train", step: tensor("step", [4]) });
  return { specs, output, ops, params: Object.values(specs).reduce((sum, { shape }) => sum + elements(shape), 0) };
}

for (const [name, [layers, params, testError, dataset]] of Object.entries(NETWORKS)) {
  test(`${name} is the network of the paper, trained on its schedule`, async () => {
    const config = await loadConfig(`configs/${name}.yaml`);
    const { specs, output, ops, params: found } = traced(config, [128, 32, 32, 3]);
    assert.equal(ops.map(describe), layers.split(/;\s+/));
    assert.equal(output, [128, 1, 1, classNames(config.dataset)!.length]);
    assert.is(found, params);

    const biases = Object.entries(specs).filter(([key]) => key.endsWith("/b"));
    assert.equal(biases.map(([key]) => key), biases.map((_, i) => `conv${i + 1}/b`));
    const values = biases.map(([, { init }]) => "constant" in init ? init.constant : null);
    assert.equal(values, biases.map((_, i) => i === biases.length - 1 ? 1 : 0)); // at 0 the last ReLU dies

    const preprocess = [{ gcn: { scale: 55 } }, { zca: { epsilon: 0.1 } }];
    assert.equal(config.dataset, { ...(dataset ?? { name: "cifar10" }), preprocess });
    const { epochs, batch, optimizer, learningRate } = config.training;
    assert.equal({ epochs, batch, optimizer, learningRate }, {
      epochs: 350,
      batch: 128,
      optimizer: { sgd: { momentum: 0.9, weightDecay: 0.001 } },
      learningRate: { base: 0.05, factor: 0.1, epochs: [200, 250, 300] },
    });
    assert.equal(config.paper, { table: dataset === undefined ? 3 : 4, testError });
  });
}

/** Tables 5 and 6, a row each: kernel, channels, stride, padding, height and width of the output, dropout behind it. */
type Row = [kernel: number, channels: number, stride: number, padding: number, size: number, dropout?: number];
const LARGE: Row[] = [
  [2, 320, 1, 0, 125],
  [2, 320, 1, 0, 124],
  [2, 320, 2, 0, 62],
  [2, 640, 1, 0, 61, 0.1],
  [2, 640, 1, 0, 60, 0.1],
  [2, 640, 2, 0, 30],
  [2, 960, 1, 0, 29, 0.2],
  [2, 960, 1, 0, 28, 0.2],
  [2, 960, 2, 0, 14],
  [2, 1280, 1, 0, 13, 0.3],
  [2, 1280, 1, 0, 12, 0.3],
  [2, 1280, 2, 0, 6],
  [2, 1600, 1, 0, 5, 0.4],
  [2, 1600, 1, 0, 4, 0.4],
  [2, 1600, 2, 0, 2],
  [2, 1920, 1, 0, 1, 0.5],
  [1, 1920, 1, 0, 1, 0.5],
  [1, 10, 1, 0, 1],
];
const IMAGENET: Row[] = [
  [11, 96, 4, 2, 55],
  [1, 96, 1, 0, 55],
  [3, 96, 2, 0, 27],
  [5, 256, 1, 2, 27],
  [1, 256, 1, 0, 27],
  [3, 256, 2, 0, 13],
  [3, 384, 1, 1, 13],
  [1, 384, 1, 0, 13],
  [3, 384, 2, 0, 6, 0.5],
  [3, 1024, 1, 1, 6],
  [1, 1024, 1, 0, 6],
  [1, 1000, 1, 0, 6],
];

/** Rows as the words of `describe`, and the multiplications and parameters that each row makes. */
function tableOf(rows: readonly Row[], activation: (row: number) => string) {
  return rows.map(([kernel, channels, stride, padding, size, dropout], row) => {
    const words = `${kernel}x${kernel} ${channels} /${stride} pad ${padding} ${activation(row)} ${size}`;
    const weights = kernel ** 2 * (rows[row - 1]?.[1] ?? 3) * channels;
    return {
      words: dropout === undefined ? [words] : [words, `dropout ${dropout}`],
      products: weights * size ** 2,
      params: weights + channels,
    };
  });
}

/** Checks a network against its table, row by row; the totals are of all rows, for one image. */
function checkTable(
  config: Config,
  { rows, activation, end, params, products }: {
    rows: readonly Row[];
    activation: (row: number) => string;
    end: string[];
    params: number;
    products: number;
  },
) {
  const table = tableOf(rows, activation), batch = 2, { size } = config.dataset.canvas ?? { size: 224 };
  const { ops, specs, params: found } = traced(config, [batch, size, size, 3]);
  assert.equal(ops.map(describe), [...table.flatMap(({ words }) => words), ...end]);
  const convs = ops.filter(({ kernel }) => kernel.name === "conv_forward");
  assert.equal(convs.map(({ label }) => label), table.map((_, i) => `conv${i + 1}/forward`));
  assert.equal(convs.map((op) => op.kernel.cost(op.problem).flops / 2 / batch), table.map(({ products }) => products));
  const own = table.map((_, i) => elements(specs[`conv${i + 1}/w`]!.shape) + elements(specs[`conv${i + 1}/b`]!.shape));
  assert.equal(own, table.map(({ params }) => params));
  assert.is(found, params);
  assert.is(table.reduce((sum, row) => sum + row.products, 0), products);
}

test("large-allcnn is Table 5: 77 455 690 parameters, 26.5 G multiplications per image, Graham's training", async () => {
  const config = await loadConfig("configs/large-allcnn.yaml");
  const activation = (row: number) => row < 17 ? "slope 0.3333" : "none";
  checkTable(config, { rows: LARGE, activation, end: [], params: 77_455_690, products: 26_468_979_200 });
  assert.equal(config.dataset, {
    name: "cifar10",
    preprocess: [{ scale: { subtract: 128, divide: 128 } }],
    canvas: {
      size: 126,
      background: 128,
      distort: {
        stretch: 0.2,
        flip: true,
        shearOrRotation: 0.2,
        shift: 16,
        color: { offset: 25.5, contrast: 0.15, gradientX: 2.4, gradientY: 2.4 },
        lastEpochsPlain: 10,
      },
    },
  });
  const { epochs, iterations, batch, optimizer, learningRate } = config.training;
  assert.equal({ epochs, iterations, batch, optimizer }, {
    epochs: 810,
    iterations: undefined,
    batch: 50,
    optimizer: { sgd: { momentum: 0.99, weightDecay: 0 } },
  });
  const rate = learningRateSchedule(learningRate);
  for (const epoch of [0, 1, 809]) assert.is(rate(1000 * epoch, epoch), 0.003 * Math.exp(-0.005 * epoch));
});

test("allcnn-b-imagenet is Table 6: 9 372 840 parameters, 1.2 G multiplications per image, the paper's schedule", async () => {
  const config = await loadConfig("configs/allcnn-b-imagenet.yaml");
  const end = ["average 6"], params = 9_372_840;
  checkTable(config, { rows: IMAGENET, activation: () => "relu", end, params, products: 1_213_344_288 });
  assert.equal(config.dataset.imageFolder, { shortSide: 256, crop: 224, flip: true });
  const { epochs, iterations, batch, optimizer, learningRate } = config.training;
  assert.equal({ epochs, iterations, batch, optimizer }, {
    epochs: undefined,
    iterations: 450_000,
    batch: 64,
    optimizer: { sgd: { momentum: 0.9, weightDecay: 0.0005 } },
  });
  const rate = learningRateSchedule(learningRate),
    close = (found: number, expected: number) =>
      assert.ok(Math.abs(found / expected - 1) < 1e-12, `${found}, expected ${expected}`);
  for (const [step, expected] of [[199_999, 0.01], [200_000, 0.001], [400_000, 0.0001], [449_999, 0.0001]]) {
    close(rate(step!, 9), expected!);
  }
});

for (const file of readdirSync("configs").filter((file) => file.endsWith(".yaml"))) {
  test(`${file} loads, names its schema in the first line, and itself as its file is named`, async () => {
    const path = `configs/${file}`, config = await loadConfig(path);
    assert.is(readFileSync(path, "utf8").split("\n")[0], "# yaml-language-server: $schema=./schema.json");
    assert.is(`${config.name}.yaml`, file);
    assert.ok(buildNetwork(config.name, config.network));
  });
}

test.run();
