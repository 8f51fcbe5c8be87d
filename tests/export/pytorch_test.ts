import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { UserError } from "../../core/host/errors.ts";
import { initialParams } from "../../learning/initial_values/mod.ts";
import { encodeTensors, type HostTensor } from "../../core/host/safetensors.ts";
import { elements, type Shape } from "../../core/graph/tensor.ts";
import { generateShapes } from "../../data/datasets/shapes.ts";
import { onnxModel } from "../../export/onnx.ts";
import { fromPytorch, modulesOf, toPytorch } from "../../export/pytorch.ts";
import { pytorchCode } from "../../export/pytorch_code.ts";
import { definitionOf } from "../../training/definition.ts";
import { random, relativeError } from "../_gpu.ts";
import { inFolder } from "../cli/_run.ts";
import { configOf, EVERYTHING, whiteningOf, ZCA } from "./_networks.ts";
import { runOnnx } from "./_onnx.ts";

const IMAGE = [32, 32, 3] as const;
const config = configOf(ZCA, EVERYTHING), { network } = definitionOf(config), { dataset } = config;
const { params: specs } = network.init([1, ...IMAGE]);
const values = initialParams(specs, 3);
const params: Record<string, HostTensor> = Object.fromEntries(
  Object.entries(specs).map(([name, { shape }], i) => [
    name,
    { shape, data: shape.length === 1 ? Float32Array.from(random(shape[0]!, i)) : values[name]! },
  ]),
);
const lines: string[] = [], line = (text: string) => void lines.push(text);
const inputs = { network, image: IMAGE, specs, source: "net.safetensors", line };

test("the Sequential has the layers in order, and its numbers name the parameters", () => {
  assert.equal(modulesOf(network, IMAGE).map(({ code }) => code), [
    "nn.Dropout(0.2)",
    "nn.Conv2d(3, 8, 3, stride=1, padding=1)",
    "nn.ReLU()",
    "nn.MaxPool2d((3, 3), stride=2, ceil_mode=True)",
    "nn.ZeroPad2d((1, 2, 1, 2))",
    "nn.Conv2d(8, 8, 4, stride=3, padding=0)",
    "nn.LeakyReLU(0.1)",
    "nn.Dropout(0.5)",
    "nn.Conv2d(8, 12, 2, stride=1, padding=1)",
    "nn.ReLU()",
    "nn.MaxPool2d((2, 2), stride=2, ceil_mode=True)",
    "nn.Conv2d(12, 10, 2, stride=1, padding=0)",
    "nn.AdaptiveAvgPool2d(1)",
    "nn.Flatten()",
  ]);
  const tensors = toPytorch(params, network, IMAGE);
  assert.equal(Object.keys(tensors).map((name) => [name, ...tensors[name]!.shape]), [
    ["1.weight", 8, 3, 3, 3],
    ["1.bias", 8],
    ["5.weight", 8, 8, 4, 4],
    ["5.bias", 8],
    ["8.weight", 12, 8, 2, 2],
    ["8.bias", 12],
    ["11.weight", 10, 12, 2, 2],
    ["11.bias", 10],
  ]);
  const at = (shape: Shape, index: readonly number[]) => index.reduce((sum, i, axis) => sum * shape[axis]! + i, 0);
  const [height, width, from, to] = [2, 0, 1, 5], w = params["conv1/w"]!, weight = tensors["1.weight"]!;
  assert.is(weight.data[at(weight.shape, [to, from, height, width])], w.data[at(w.shape, [height, width, from, to])]);
});

test("there and back gives the same parameters", () => {
  assert.equal(fromPytorch(toPytorch(params, network, IMAGE), inputs), params);
});

const renamed = (tensors: Record<string, HostTensor>, rename: (name: string) => string) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]));

test("tensors may be named after the layers, also of nested ones, and lie in modules around the network", () => {
  const theirs = toPytorch(params, network, IMAGE), ours = Object.keys(params);
  const named = Object.fromEntries(
    Object.values(theirs).map((tensor, i) => [
      ours[i]!.replaceAll("/", ".").replace(/w$/, "weight").replace(/b$/, "bias"),
      tensor,
    ]),
  );
  assert.equal(Object.keys(named).slice(0, 3), ["conv1.weight", "conv1.bias", "logits.weight"]);
  for (const tensors of [theirs, named]) {
    for (const wrapper of ["", "module.", "model.", "_orig_mod.", "state_dict.", "module._orig_mod.", "features."]) {
      assert.equal(fromPytorch(renamed(tensors, (name) => wrapper + name), inputs), params, wrapper);
    }
  }
  assert.throws(() => fromPytorch(renamed(named, (name) => `${name[0]}.${name}`), inputs), /has no tensor/);
  assert.equal(lines, []);
});

test("a bias that is not there is zero, and a line tells which", () => {
  const { "5.bias": _, "8.bias": _other, ...without } = toPytorch(params, network, IMAGE);
  const read = fromPytorch(renamed(without, (name) => `module.${name}`), inputs);
  assert.equal(lines.splice(0), ['"net.safetensors" has no module.5.bias, module.8.bias: set to zero']);
  const zeros = Object.keys(params).filter((_, index) => [3, 5].includes(index));
  assert.equal(zeros.map((name) => name.at(-1)), ["b", "b"]);
  const expected = Object.entries(params).map(([name, { shape, data }]) => {
    return [name, { shape, data: zeros.includes(name) ? new Float32Array(data.length) : data }];
  });
  assert.equal(read, Object.fromEntries(expected));
});

test("tensors that are missing, misshapen or too many are named, with what was expected", () => {
  const tensors = toPytorch(params, network, IMAGE), { "5.weight": weight, ...without } = tensors;
  const wrong: [Record<string, HostTensor>, RegExp][] = [
    [without, /no tensor "5.weight" \[8, 8, 4, 4\] for logits\/w$/],
    [
      { ...without, "4.weight": weight! },
      /no tensor "5.weight" .* it has "4.weight", which the config's network has not/,
    ],
    [
      { ...tensors, "5.weight": { ...weight!, shape: [4, 4, 8, 8] } },
      /"5.weight" is \[4, 4, 8, 8\], expected \[8, 8, 4, 4\]/,
    ],
    [{ ...tensors, "20.bias": weight! }, /has no tensor "20.bias", only 1.weight, 1.bias, .*11.bias$/],
  ];
  for (const [given, message] of wrong) {
    try {
      fromPytorch(given, inputs);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, UserError, String(error));
      assert.match((error as Error).message, message);
    }
  }
});

test("PyTorch runs the exported code and parameters as ONNX Runtime the ONNX file", async () => {
  if (spawnSync("python3", ["-c", "import torch"]).status !== 0) {
    return console.log('skipped: "PyTorch runs the exported code", as python3 has no torch');
  }
  const { images } = generateShapes(1, "test", 4), whitening = whiteningOf(IMAGE), size = elements(IMAGE);
  images.fill(9, 0, size); // a flat image
  const trained = { network, dataset, image: IMAGE, classes: Array.from("abcdefghij") };
  const { logits } = await runOnnx(onnxModel({ ...trained, params, whitening }), images, IMAGE);
  const planes = images.map((_, i) => images[i - i % size + (i % 1024) * 3 + Math.floor(i % size / 1024)]!);
  await inFolder(async (folder) => {
    const write = async (name: string, tensors: Record<string, HostTensor>) =>
      writeFileSync(`${folder}/${name}`, await encodeTensors({ metadata: {}, tensors }));
    writeFileSync(`${folder}/net.py`, pytorchCode(trained));
    await write("net.safetensors", toPytorch(params, network, IMAGE));
    await write("inputs.safetensors", {
      images: { shape: [4, 3, 32, 32], data: planes },
      mean: { shape: [size], data: whitening.mean },
      matrix: { shape: [size, size], data: whitening.matrix },
    });
    const files = ["net.py", "net.safetensors", "inputs.safetensors"].map((name) => `${folder}/${name}`);
    const { stdout, stderr, status } = spawnSync("python3", ["tests/export/_torch.py", ...files], { encoding: "utf8" });
    assert.is(status, 0, stderr);
    const error = relativeError((JSON.parse(stdout) as number[][]).flat(), logits.data as Float32Array);
    assert.ok(error < 1e-4, `${error}`);
  });
});

test("the code subtracts channel means, scales, and places images on their canvas", () => {
  const network = "\n  - { conv: { name: conv1, channels: 10, kernel: 41 } }",
    scale = "{ scale: { subtract: 100, divide: 64 } }";
  const canvas = "{ size: 41, background: 50 }", classes = ["a"], image = IMAGE;
  const placed = configOf(`{ name: shapes, preprocess: [${scale}], canvas: ${canvas} }`, network);
  const code = pytorchCode({ ...placed, network: definitionOf(placed).network, image, classes });
  assert.ok(code.includes("x = (x - 100) / 64\n    x = nn.functional.pad(x, (4, 5, 4, 5), value=-0.78125)\n"), code);
  const means = configOf(
    `{ name: shapes, preprocess: [{ channelMeans: [120, 110, 100] }] }`,
    network.replace("41", "32"),
  );
  const lines = pytorchCode({ ...means, network: definitionOf(means).network, image, classes });
  assert.ok(lines.includes("x = x - torch.tensor([120, 110, 100]).view(1, -1, 1, 1)\n    return x"), lines);
});

test.run();
