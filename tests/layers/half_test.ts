import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Layer } from "../../core/graph/layer.ts";
import { fuse } from "../../core/graph/fuse.ts";
import { type Buffers, compile, run } from "../../core/device/plan.ts";
import { encodeStep } from "../../core/graph/step_data.ts";
import { type Tensor, tensor } from "../../core/graph/tensor.ts";
import { readTensors, writeTensor } from "../../core/device/transfer.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import type { LayerConfig } from "../../layers/layer_kind.ts";
import { buildNetwork } from "../../layers/network_config.ts";
import { gpu, random, relativeError } from "../_gpu.ts";
import * as reference from "../_reference_network.ts";
import { pack, unpacked } from "../_float16.ts";
import { halfTest } from "../kernels/_half.ts";

const conv = (name: string, channels: number, kernel: number, slope: number | null): LayerConfig => ({
  conv: {
    ...{ name, channels, kernel, stride: 1, padding: "same", initialBias: 0 },
    activation: slope === null ? "none" : slope === 0 ? "relu" : { leakyRelu: { slope } },
  },
});
/** Every kind of layer; the dropout is fused, and so is the ReLU's pullback; behind the average all is f32, but conv3. */
const LAYERS: readonly LayerConfig[] = [
  conv("conv1", 8, 3, 0),
  { dropout: { rate: 0.25 } },
  conv("conv2", 6, 3, 0.1),
  { maxPool: { kernel: 3, stride: 2 } },
  { averagePool: { kernel: 2, stride: 1, padding: 1, countPadding: false } },
  { activation: { function: "gelu" } },
  { dense: { name: "dense1", channels: 8, activation: "relu" } },
  "globalAveragePool",
  conv("conv3", 4, 1, null),
];
const INPUT = [3, 7, 7, 3], STEP = { step: 3, seed: 11, first: 0 };

/** Forward and backward, with parameters and input in the types that mixed precision has. */
function traced(network: Layer) {
  const persistent = { lifetime: "persistent" } as const, specs = network.init(INPUT).params;
  const typeOf = (name: string) => name.endsWith("/w") ? "f16" : "f32";
  const params = Object.fromEntries(
    Object.entries(specs).map((
      [name, { shape }],
    ) => [name, tensor(name, shape, { ...persistent, dtype: typeOf(name) })]),
  );
  const grads = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, tensor(`grads/${name}`, shape, persistent)]),
  );
  const x = tensor("x", INPUT, { ...persistent, dtype: "f16" }),
    step = tensor("step", [4], { ...persistent, dtype: "u32" });
  const { ops, y, pullback } = network.forward(params, x, { mode: "train", step, path: "" });
  const dy = tensor("dy", y.shape, { ...persistent, dtype: y.dtype });
  const backward = pullback(dy, { rule: "gradient", grads, input: true, switches: true });
  return { params, grads, x, step, y, dy, dx: backward.dx!, ops: [...ops, ...backward.ops] };
}

test("half precision: signals are f16, averages, biases and parameter gradients f32; ops read what others write", () => {
  const { ops, y, dx, grads } = traced(buildNetwork("net", LAYERS));
  const typeOf = (label: string) =>
    ops.flatMap(({ writes }) => writes).find(({ buffer }) => buffer.label === label)?.dtype;
  const types = ["conv1/y", "dropout1/y", "pool1/y", "pool1/dx", "conv2/dz", "globalAveragePool/y", "conv3/x/f16"].map(
    typeOf,
  );
  assert.equal(types, ["f16", "f16", "f16", "f16", "f16", "f32", "f16"]);
  assert.equal([y.dtype, dx.dtype], ["f16", "f16"]);
  assert.ok(Object.values(grads).every(({ dtype }) => dtype === "f32"));
  const written = new Map<Tensor["buffer"], string>();
  for (const { reads, writes } of ops) {
    for (const { buffer, dtype } of reads) assert.is(written.get(buffer) ?? dtype, dtype, buffer.label);
    for (const { buffer, dtype } of writes) written.set(buffer, dtype);
  }
  const fused = fuse({ ops, keep: [y, dx] }).ops.map(({ label }) => label);
  assert.not.ok(fused.some((label) => label.startsWith("dropout1/") || label === "conv1/activation"), fused.join());
});

halfTest("half precision: a network's output and all gradients agree with float64", async () => {
  const context = await gpu(), network = buildNetwork("net", LAYERS), buffers: Buffers = new Map();
  const { params, grads, x, step, y, dy, dx, ops } = traced(network);
  const values: reference.Named = {};
  const write = async (name: string, target: Tensor, data: Float64Array) => {
    values[name] = data;
    const words = target.dtype === "f16" ? pack(data) : Float32Array.from(data);
    await writeTensor(context, buffers, target, words);
  };
  const all = Object.entries({ ...params, x, dy });
  for (const [index, [name, target]] of all.entries()) {
    await write(name, target, random(target.shape.reduce((a, b) => a * b, 1), index + 1));
  }
  await writeTensor(context, buffers, step, encodeStep({ ...STEP, learningRate: 0 }));
  const plan = await compile(context, { ops, keep: [y, dx] }, defaultTuner(context.limits), buffers);
  run(context, plan);
  const results = { y, dx, ...grads }, names = Object.keys(results), tensors = Object.values(results);
  const bytes = await readTensors(context, plan.buffers, tensors);
  context.check();
  plan.destroy();

  const map = { x: values["x"]!, batch: INPUT[0]!, size: { height: 7, width: 7, channels: 3 } };
  const passes = reference.forward(LAYERS, values, map, STEP), expected: reference.Named = { y: passes.at(-1)!.y };
  const how = { rule: "gradient", switches: true } as const;
  expected["dx"] = passes.reduceRight((signal, pass) => pass.pullback(signal, expected, how), values["dy"]!);
  for (const [index, name] of names.entries()) {
    const { dtype, shape } = tensors[index]!, count = shape.reduce((a, b) => a * b, 1);
    const got = dtype === "f16" ? unpacked(new Uint32Array(bytes[index]!), count) : new Float32Array(bytes[index]!);
    const error = relativeError(got, expected[name]!);
    assert.ok(error < 2e-3, `${name}: ${error}`);
  }
});

test.run();
