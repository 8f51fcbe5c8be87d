import { test } from "uvu";
import * as assert from "uvu/assert";
import { canvasOf } from "../../data/canvas.ts";
import type { Config } from "../../configs/schema.ts";
import type { ImageShape } from "../../data/dataset.ts";
import { readCifar10 } from "../../data/datasets/cifar10.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import type { Whitening } from "../../data/whitening.ts";
import { onnxModel } from "../../export/onnx.ts";
import { seenShape } from "../../export/trained_network.ts";
import { maxPool as maxPoolLayer } from "../../layers/max_pool.ts";
import { buildNetwork } from "../../layers/network_config.ts";
import { pooledSize } from "../../kernels/layer/pool_windows.ts";
import { definitionOf } from "../../training/definition.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams, writeParams } from "../../training/params.ts";
import { predict, predictLogits } from "../../training/predict.ts";
import { preprocess } from "../../training/preprocess.ts";
import { gpu, random, relativeError } from "../_gpu.ts";
import { maxPool } from "../_reference.ts";
import { CIFAR10 } from "../training/_data.ts";
import { configOf, EVERYTHING, whiteningOf, ZCA } from "./_networks.ts";
import { runOnnx } from "./_onnx.ts";

/** Our logits and probabilities and those of the exported model on the same raw images. */
async function both(parsed: Config, input: ImageShape, images: Float32Array, whitening: Whitening | null = null) {
  const context = await gpu(), { network } = definitionOf(parsed);
  const seen = seenShape({ dataset: parsed.dataset, image: input }), canvas = canvasOf(parsed.dataset);
  const opened = await openModel(context, { network, input: seen }, { seed: 2, whitening });
  const model = { ...opened, images: input, canvas, config: parsed };
  const params = Object.fromEntries(
    Object.entries(await getParams(model)).map(([name, { shape, data }]) => {
      const noise = random(data.length, 5); // biases that show
      return [name, { shape, data: name.endsWith("/b") ? data.map((value, i) => value + noise[i]! / 10) : data }];
    }),
  );
  await writeParams(model, Object.fromEntries(Object.entries(params).map(([name, { data }]) => [name, data])));
  const ready = await preprocess(model, images);
  const ours = { logits: await predictLogits(model, ready), probabilities: await predict(model, ready) };
  closeModel(model);
  const classes = Array.from({ length: model.classes }, (_, i) => `class ${i}`);
  const bytes = onnxModel({ network, dataset: parsed.dataset, params, whitening, image: input, classes });
  return { ours, theirs: await runOnnx(bytes, images, input), classes: model.classes };
}

function agree({ ours, theirs, classes }: Awaited<ReturnType<typeof both>>, count: number): void {
  assert.equal(theirs.logits.dims, [count, classes]);
  assert.equal(theirs.probabilities.dims, [count, classes]);
  for (const name of ["logits", "probabilities"] as const) {
    const error = relativeError(theirs[name].data as Float32Array, ours[name]);
    assert.ok(error < 1e-4, `${name}: ${error}`);
  }
}

test("every kind of layer behind contrast normalization and whitening, on images: ONNX Runtime gives our logits", async () => {
  const { images } = CIFAR10 === undefined ? generateShapes(1, "test", 6) : await readCifar10(CIFAR10, "test", 6);
  images.fill(77, 0, 3072); // a flat image, which the normalization must not divide by its norm
  const parsed = configOf(
    ZCA,
    EVERYTHING,
  );
  agree(await both(parsed, [32, 32, 3], images, whiteningOf([32, 32, 3])), 6);
});

test("a high image, scaled pixels, one channel, no global average: ONNX Runtime gives our logits", async () => {
  const parsed = configOf(
    "{ name: shapes }",
    `
  - { maxPool: { kernel: 3, stride: 2 } }
  - { conv: { name: conv1, channels: 5, kernel: 3, padding: 2, stride: 2 } }
  - { maxPool: { kernel: 9, stride: 9 } }
  - { conv: { name: conv2, channels: 3, kernel: 1 } }`,
  );
  const images = Float32Array.from(random(2 * 14 * 9, 6), (value) => Math.floor(127.5 * (1 + value)));
  agree(await both(parsed, [14, 9, 1], images), 2);
});

test("images on a canvas, and channel means and scale, are part of the model: ONNX Runtime gives our logits", async () => {
  const { images } = generateShapes(1, "test", 3),
    network = `
  - { conv: { name: conv1, channels: 10, kernel: 8, stride: 8 } }
  - globalAveragePool`;
  const scale = "{ scale: { subtract: 100, divide: 64 } }", canvas = "{ size: 41, background: 50 }";
  const placed = configOf(`{ name: shapes, preprocess: [${scale}], canvas: ${canvas} }`, network);
  agree(await both(placed, [32, 32, 3], images), 3);
  const means = configOf(`{ name: shapes, preprocess: [{ channelMeans: [120, 110, 100] }, ${scale}] }`, network);
  agree(await both(means, [32, 32, 3], images), 3);
});

test("max pooling of small sizes, kernels and strides is that of the definition", async () => {
  for (let height = 1; height <= 7; height += 2) {
    const width = 8 - height, x = random(2 * height * width * 2, height);
    for (let kernel = 1; kernel <= 4; kernel++) {
      for (let stride = 1; stride <= 4; stride++) {
        const problem = { batch: 2, height, width, channels: 2, kernel, stride };
        const outputs = 2 * pooledSize(height, kernel, stride) * pooledSize(width, kernel, stride);
        const model = onnxModel({
          network: maxPoolLayer("pool", { kernel, stride }),
          dataset: configOf("{ name: shapes }", "[globalAveragePool]").dataset,
          params: {},
          whitening: null,
          image: [height, width, 2],
          classes: Array.from({ length: outputs }, String),
        });
        const { logits } = await runOnnx(model, Float32Array.from(x), [height, width, 2]);
        const expected = maxPool(problem, x.map((value) => value / 127.5 - 1)).y;
        const error = relativeError(channelsLast(logits.data as Float32Array, 2, 2), expected);
        assert.ok(error < 1e-6, `${JSON.stringify(problem)}: ${error}`);
      }
    }
  }
});

/** [batch, channels * positions] as [batch, positions, channels]. */
function channelsLast(values: Float32Array, batch: number, channels: number): Float32Array {
  const positions = values.length / batch / channels;
  return values.map((_, i) => {
    const n = Math.floor(i / positions / channels), at = Math.floor(i / channels) % positions, c = i % channels;
    return values[(n * channels + c) * positions + at]!;
  });
}

test("a whitening that is missing or of other images is refused", () => {
  const { dataset, network } = configOf(ZCA, EVERYTHING), image = [32, 32, 3] as const;
  const trained = { network: buildNetwork("tiny", network), dataset, params: {}, image, classes: [] };
  assert.throws(
    () => onnxModel({ ...trained, whitening: null }),
    /Cannot export the whitening: it has 0 values, .* 3072/,
  );
  const small = whiteningOf([2, 2, 3]);
  assert.throws(() => onnxModel({ ...trained, whitening: small }), /it has 12 values, an image \[32, 32, 3\] has 3072/);
});

test("the model says what goes in and out, and names the classes", async () => {
  const { theirs: { session } } = await both(
    configOf("{ name: shapes }", "[{ conv: { name: a, channels: 3, kernel: 2 } }]"),
    [2, 2, 3],
    new Float32Array(12),
  );
  assert.equal(session.inputNames, ["image"]);
  assert.equal(session.outputNames, ["logits", "probabilities"]);
  assert.equal((session.inputMetadata[0] as { shape: unknown }).shape, ["N", 3, 2, 2]);
});

test.run();
