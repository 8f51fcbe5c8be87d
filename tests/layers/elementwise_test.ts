import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { RULES } from "../../core/graph/layer.ts";
import { onnxModel } from "../../export/onnx.ts";
import { modulesOf } from "../../export/pytorch.ts";
import { conv } from "../../layers/conv.ts";
import { elementwise } from "../../layers/elementwise.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { buildNetwork, entriesOf, networkSchema } from "../../layers/network_config.ts";
import { sequential } from "../../layers/sequential.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { predictLogits } from "../../training/predict.ts";
import { train } from "../../training/train.ts";
import { gpu, random, relativeError } from "../_gpu.ts";
import * as reference from "../_reference.ts";
import { trace } from "../_trace.ts";
import { HALF_ERROR } from "../kernels/_half.ts";
import { INPUT, stripes } from "../training/_tiny.ts";
import { onDevice } from "./_on_device.ts";

const SQUARED = { y: "max(x, 0.0) * max(x, 0.0)", dx: "dy * 2.0 * max(x, 0.0)" };
const SHAPE = [2, 5, 5, 3] as const, x = random(150, 1), dy = random(150, 2);

test("outputs and signals back agree with float64, by all rules", async () => {
  const functions = [
    [SQUARED, (x: number) => Math.max(x, 0) ** 2, (x: number) => 2 * Math.max(x, 0)],
    [{ y: "tanh(x)", dx: "dy * (1.0 - y * y)" }, Math.tanh, (x: number) => 1 - Math.tanh(x) ** 2],
    [{ y: "x - 0.5 * x * x", dx: "dy * (1 - x)" }, (x: number) => x - x * x / 2, (x: number) => 1 - x],
    [{ y: "-3.0 * x", dx: "-3.0 * dy" }, (x: number) => -3 * x, () => -3],
  ] as const;
  for (const [options, of, slope] of functions) {
    for (const rule of RULES) {
      const { y, grads } = await onDevice(elementwise("e", options), { shape: SHAPE, x, dy, values: {}, rule });
      assert.ok(relativeError(y, x.map(of)) < 1e-6, options.y);
      const expected = reference.mapPullback(rule, slope, dy, x);
      assert.ok(relativeError(grads["x"]!, expected) < 1e-6, `${options.dx}, ${rule}`);
    }
  }
});

test("of a ReLU written so, all rules are those of the ReLU", async () => {
  const relu = elementwise("e", { y: "max(x, 0.0)", dx: "select(0.0, dy, x > 0.0)" });
  for (const rule of RULES) {
    const { grads } = await onDevice(relu, { shape: SHAPE, x, dy, values: {}, rule });
    assert.is(relativeError(grads["x"]!, reference.reluPullback(rule, 0, dy, x)), 0, rule);
  }
});

test("in half precision it computes in float32", async () => {
  if ((await gpu()).limits.f16 !== true) return console.log("skipped, for want of shader-f16: elementwise");
  const { y, grads } = await onDevice(elementwise("e", SQUARED), { shape: SHAPE, x, dy, values: {}, half: true });
  assert.ok(relativeError(y, x.map((value) => Math.max(value, 0) ** 2)) < HALF_ERROR);
  assert.ok(relativeError(grads["x"]!, x.map((value, i) => dy[i]! * 2 * Math.max(value, 0))) < HALF_ERROR);
});

test("the way back keeps what it reads, and no more", () => {
  const reads = (dx: string) =>
    trace(elementwise("e", { y: "tanh(x)", dx }), { input: true }).backward.ops[0]!.reads.map(({ buffer }) =>
      buffer.label
    );
  assert.equal(reads("dy * (1.0 - y * y)"), ["dy", "e/y"]);
  assert.equal(reads("dy * exp(x)"), ["dy", "x"]);
  assert.equal(reads("dy * x * y"), ["dy", "x", "e/y"]);
  assert.equal(reads("3.0 * dy"), ["dy"]);
});

const network = () =>
  sequential("net", [
    conv("conv1", { channels: 8, kernel: 3, padding: "same" }),
    elementwise("squared", SQUARED),
    conv("conv2", { channels: 3, kernel: 1 }),
    globalAveragePool("mean"),
  ]);

test("a network learns with it, and is data as any other", async () => {
  const context = await gpu(), model = await openModel(context, { network: network(), input: INPUT }, { seed: 1 });
  const options = { epochs: 6, batch: 32, learningRate: { base: 0.05 }, optimizer: { adamw: {} } };
  const rows = await train(model, stripes(96), options);
  assert.ok(rows.at(-1)!.trainLoss < 0.5 * rows[0]!.trainLoss, rows.map(({ trainLoss }) => trainLoss).join(", "));
  closeModel(model);
  const entries = networkSchema.parse(entriesOf(network()));
  assert.equal(entriesOf(buildNetwork("net", entries)), entries);
});

async function failure(body: () => unknown): Promise<string> {
  try {
    await body();
  } catch (error) {
    assert.instance(error, UserError, String(error));
    return (error as Error).message;
  }
  return "nothing";
}

test("what does not compile is one line that names the layer and what was written", async () => {
  const context = await gpu();
  const opened = async (options: { y: string; dx: string }) => {
    const inside = sequential("block1", [elementwise("own", options)]);
    const network = sequential("net", [conv("conv1", { channels: 3, kernel: 1 }), inside, globalAveragePool("mean")]);
    const model = await openModel(context, { network, input: INPUT }, { seed: 1 });
    const training = { epochs: 1, batch: 32, learningRate: { base: 0.1 }, optimizer: { adamw: {} } };
    const message = await failure(() => train(model, stripes(32), training));
    const predicted = await failure(() => predictLogits(model, new Float32Array(64)));
    closeModel(model);
    return [message, predicted] as const;
  };
  const [unknown, predicted] = await opened({ y: "swish(x)", dx: "dy" });
  assert.match(unknown, /^Cannot compile layer "block1\/own", y = swish\(x\): unresolved call target 'swish'$/);
  assert.is(predicted, unknown);
  const [back, fine] = await opened({ y: "x", dx: "dy * z" });
  assert.match(back, /^Cannot compile layer "block1\/own", dx = dy \* z: unresolved value 'z'$/);
  assert.is(fine, "nothing");
  assert.match((await opened({ y: "x > 0.0", dx: "dy" }))[0], /"block1\/own", y = x > 0\.0: .*bool/);
});

test("what is no expression is refused at once; exports say that they cannot", async () => {
  const wrong = [
    "",
    "x; }",
    "x } fn g() -> f32 { return 1.0",
    "x // twice",
    "x /* no",
    "x\n+ 1.0",
    "@id(0) x",
    "x_values[9]",
  ];
  for (const y of wrong) {
    assert.match(await failure(() => elementwise("own", { y, dx: "dy" })), /^Cannot build elementwise "own": y: /, y);
  }
  assert.match(
    await failure(() => elementwise("own", { y: "x", dx: "2.0" })),
    /dx: expected an expression of dy, got "2.0"/,
  );
  const onnx = () =>
    onnxModel({
      network: elementwise("own", SQUARED),
      dataset: null,
      params: {},
      whitening: null,
      image: INPUT,
      classes: [],
    });
  assert.match(await failure(onnx), /Cannot export layer .* as ONNX: its kind, elementwise, has no onnx/);
  const torch = () => modulesOf(network(), INPUT);
  assert.match(await failure(torch), /Cannot export layer "squared" for PyTorch: its kind, elementwise, has no torch/);
});

test.run();
