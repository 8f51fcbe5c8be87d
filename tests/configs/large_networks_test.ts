import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import { scheduleOf } from "../../learning/schedules/mod.ts";
import { elements } from "../../core/graph/tensor.ts";
import { placeOnCanvas } from "../../kernels/data/place_on_canvas.ts";
import { describe, traced } from "./_traced.ts";

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

const CIFAR = { height: 32, width: 32, channels: 3, top: 47, left: 47 };

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
  const place = { ...CIFAR, batch, places: 50_000, chunk: { first: 0, rows: 50_000 }, size: 126, background: 0 };
  const { flops, bytes } = placeOnCanvas.cost(place), products = 26_468_979_200;
  // Far below a tenth of the step: of its operations, and of the bytes of the first three activations alone.
  assert.ok(flops < 1e-4 * 3 * 2 * batch * products, `augmentation takes ${flops} operations`);
  assert.ok(bytes < 0.01 * 4 * batch * (125 ** 2 + 124 ** 2 + 62 ** 2) * 320, `augmentation moves ${bytes} bytes`);
  const rate = scheduleOf(learningRate);
  for (const epoch of [0, 1, 809]) {
    assert.is(rate(1000 * epoch, { epoch, steps: 810_000 }), 0.003 * Math.exp(-0.005 * epoch));
  }
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
  const rate = scheduleOf(learningRate),
    close = (found: number, expected: number) =>
      assert.ok(Math.abs(found / expected - 1) < 1e-12, `${found}, expected ${expected}`);
  for (const [step, expected] of [[199_999, 0.01], [200_000, 0.001], [400_000, 0.0001], [449_999, 0.0001]]) {
    close(rate(step!, { epoch: 9, steps: 450_000 }), expected!);
  }
});

test.run();
