import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { loadConfig } from "../../configs/load.ts";
import type { Config } from "../../configs/schema.ts";
import type { HostTensor } from "../../core/host/safetensors.ts";
import { elements } from "../../core/graph/tensor.ts";
import type { ImageShape } from "../../data/dataset.ts";
import { classNames, imageShape } from "../../data/datasets/mod.ts";
import { onnxModel } from "../../export/onnx.ts";
import { onnxNetwork, type OnnxOptions } from "../../export/onnx_config.ts";
import type { Attribute, Initializer, Model } from "../../export/onnx_messages.ts";
import { encodeModel } from "../../export/onnx_proto.ts";
import { definitionOf, specsOf } from "../../training/definition.ts";
import { closeModel } from "../../training/model.ts";
import { openOnnx } from "../../training/onnx_model.ts";
import { predict, predictLogits } from "../../training/predict.ts";
import { preprocess } from "../../training/preprocess.ts";
import { pack } from "../_float16.ts";
import { gpu, random, relativeError } from "../_gpu.ts";
import { inFolder } from "../cli/_run.ts";
import { hasTorch } from "../layers/_torch.ts";
import { whiteningOf } from "./_networks.ts";
import { runOnnx } from "./_onnx.ts";

/** Is what we read from a file what ONNX Runtime makes of it? Both see pixels / 255, less `mean`, by `std`. */
async function agree(name: string, bytes: Uint8Array, shape: ImageShape, options: OnnxOptions = {}): Promise<void> {
  const model = await openOnnx(await gpu(), bytes, { name, ...options }), { mean = [0], std = [1] } = options;
  const pixels = Float32Array.from(random(3 * elements(shape), 7), (value) => Math.floor(127.5 * (1 + value)));
  const ready = pixels.map((pixel, i) => (pixel / 255 - mean[i % mean.length]!) / std[i % std.length]!);
  const images = model.config === null ? ready : await preprocess(model, pixels);
  const softmax = name === "vgg", ours = await (softmax ? predict : predictLogits)(model, images);
  const { logits } = await runOnnx(bytes, ready, shape), error = relativeError(logits.data as Float32Array, ours);
  closeModel(model);
  assert.ok(error < 1e-4, `${name}: ${error}`);
}

const NORMALIZED = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.25, 0.2] } as const;
const NAMES = ["resnet", "resnet-apart", "vgg", "odds", "grouped"];

test("networks that PyTorch exports give the logits of ONNX Runtime; what is not known is named", async () => {
  if (!hasTorch()) return console.log("skipped: networks that PyTorch exports, as python3 has no torch");
  await inFolder(async (folder) => {
    const { status, stderr } = spawnSync("python3", ["tests/export/_torch_onnx.py", folder], { encoding: "utf8" });
    assert.is(status, 0, stderr);
    const [resnet, apart, vgg, odds, grouped] = NAMES.map((name) => {
      return new Uint8Array(readFileSync(`${folder}/${name}.onnx`));
    }) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    await agree("resnet", resnet, [16, 16, 3]);
    await agree("resnet-apart", apart, [16, 16, 3], NORMALIZED);
    await agree("vgg", vgg, [16, 10, 3]);
    await agree("odds", odds, [12, 12, 3], { input: [12, 12, 3] });

    const { layers, notes } = onnxNetwork(vgg, "vgg");
    assert.equal(layers.map((layer) => Object.keys(layer)[0]), [
      "conv",
      "maxPool",
      "conv",
      "maxPool",
      "dense",
      "dense",
    ]);
    assert.match(notes[0]!, /^node \/Softmax \(Softmax\) at the end is left out/);
    assert.throws(
      () => onnxNetwork(odds, "odds.onnx"),
      /^Cannot read "odds.onnx": its input image is \[\?, 3, \?, \?\]: name the shape of its images, input 32x32x3$/,
    );
    assert.throws(() => onnxNetwork(grouped, "g.onnx"), (error: Error) => {
      const parts = error.message.split("; ");
      assert.is(parts[0], 'Cannot read "g.onnx": node /0/Conv (Conv) has group: 4, where only 1 can be read');
      assert.is(parts[1], "node /1/Conv (Conv) has dilations: [2, 2], where only 1 can be read");
      assert.match(parts[2]!, /^node \/2\/Inst\S+ \(InstanceNormalization\) is of no kind that allcnn has$/);
      return parts.length === 4;
    });
  });
});

test("every config that comes along, exported and read back, is exported as the same bytes", async () => {
  const whitened: string[] = [];
  for (const file of readdirSync("configs").filter((name) => name.endsWith(".yaml"))) {
    const loaded: Config = await loadConfig(`configs/${file}`), steps = loaded.dataset.preprocess;
    // A whitening is 38 MB: one of them is enough.
    const plain = whitened.length > 0 ? steps.filter((step) => !("zca" in step)) : steps,
      whitens = plain.some((step) => "zca" in step);
    const config = { ...loaded, dataset: { ...loaded.dataset, preprocess: plain } }, { dataset } = config;
    const { saved } = specsOf(config), image = imageShape(dataset), { network } = definitionOf(config);
    const params = Object.fromEntries(
      Object.entries(saved).map(([name, { shape }], i): [string, HostTensor] => {
        return [name, {
          shape,
          data: new Float32Array(elements(shape)).fill(i + 1).map((value, at) => value + at % 7),
        }];
      }),
    );
    const whitening = whitens ? whiteningOf(image) : null, names = classNames(dataset);
    const classes = names.length > 0 ? names : Array.from({ length: specsOf(config).classes }, (_, i) => `class ${i}`);
    if (whitens) whitened.push(file);
    const bytes = onnxModel({ network, dataset, params, whitening, image, classes });
    const read = onnxNetwork(bytes, file, { name: config.name }), again = read.config!;
    const written = { dataset, whitening: read.whitening, image: imageShape(again.dataset), classes };
    assert.equal(again.dataset.preprocess, dataset.preprocess, file);
    const back = onnxModel({ ...written, network: definitionOf(again).network, params: read.params });
    assert.ok(bytes.length === back.length && bytes.every((byte, i) => byte === back[i]), file);
  }
});

type Part = readonly [
  op: string,
  name: string,
  input: readonly string[],
  attributes?: Readonly<Record<string, Partial<Attribute>>>,
];

/** Of attributes: AttributeProto.AttributeType. */
const TYPES = { f: 1, i: 2, s: 3, floats: 6, ints: 7 };

/** A model of nodes, the last of which writes "logits". */
function model(nodes: readonly Part[], weights: readonly Initializer[], sizes = [3, 8, 8], more: Partial<Model> = {}) {
  const node = nodes.map(([opType, name, input, attributes = {}]) => {
    const attribute = Object.entries(attributes).map(([name, value]) => {
      return { name, type: TYPES[Object.keys(value)[0] as keyof typeof TYPES], ...value };
    });
    return { name, opType, input, output: [name], attribute };
  });
  const dims = [{ dimParam: "N" }, ...sizes.map((dimValue) => ({ dimValue }))];
  const value = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: dims } } } });
  return encodeModel({
    ...{ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], producerName: "a test", metadataProps: [] },
    graph: {
      ...{ name: "g", node, initializer: weights, input: [value("image")] },
      output: [{
        name: "logits",
        type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "N" }, { dimParam: "K" }] } } },
      }],
    },
    ...more,
  });
}

const noise = (dims: readonly number[], seed = 1) => Float32Array.from(random(elements(dims), seed));
const raw = (name: string, dims: readonly number[]): Initializer => ({
  ...{ name, dims, dataType: 1 },
  rawData: new Uint8Array(noise(dims).buffer),
});

test("weights as lists, as float16 and in nodes; automatic padding; a product and a sum as a dense layer", async () => {
  const ints = (...ints: number[]) => ({ ints });
  const bytes = model([
    ["Cast", "w32", ["w"], { to: { i: 1 } }],
    ["Conv", "/a/Conv", ["image", "w32"], { strides: ints(2, 2), auto_pad: { s: "SAME_UPPER" } }],
    ["HardSwish", "unused", ["/a/Conv"]],
    ["LeakyRelu", "/a/LeakyRelu", ["/a/Conv"], { alpha: { f: 0.25 } }],
    ["Conv", "/b/Conv", ["/a/LeakyRelu", "v", "c"], { kernel_shape: ints(1, 1) }],
    ["MaxPool", "/p/MaxPool", ["/b/Conv"], { kernel_shape: ints(2, 2), strides: ints(1, 1), pads: ints(0, 1, 0, 0) }],
    ["Shape", "batch", ["image"], { end: { i: 1 } }],
    ["Concat", "shape", ["batch", "rest"], { axis: { i: 0 } }],
    ["Reshape", "rows", ["/p/MaxPool", "shape"]],
    ["Gemm", "hidden", ["rows", "g", "h"], { alpha: { f: 0.5 }, beta: { f: 2 } }],
    ["Constant", "r", [], { value_floats: { floats: [1, -1, 0.5, 0.25, 2] } }],
    ["Relu", "hidden/relu", ["hidden"]],
    ["MatMul", "product", ["hidden/relu", "q"]],
    ["Add", "logits", ["product", "r"]],
  ], [
    { name: "w", dims: [4, 3, 3, 3], dataType: 10, rawData: new Uint8Array(pack(noise([4, 3, 3, 3])).buffer) },
    { name: "v", dims: [2, 4, 1, 1], dataType: 1, floatData: [...noise([8], 2)] },
    { name: "c", dims: [2], dataType: 1, floatData: [0.5, -0.25] },
    { name: "rest", dims: [1], dataType: 7, int64Data: [-1] },
    raw("g", [2 * 3 * 4, 32]),
    raw("h", [32]),
    raw("q", [32, 5]),
  ]);
  const { layers } = onnxNetwork(bytes, "made.onnx");
  assert.equal(layers.map((layer) => Object.keys(layer)[0]), ["conv", "conv", "maxPool", "dense", "dense"]);
  await agree("made", bytes, [8, 8, 3]);
});

test("files that are damaged, of several parts, or do not fit are refused in a line that says why", () => {
  const conv = (weights: Initializer, node: Part = ["Conv", "logits", ["image", "w"]]) => model([node], [weights]);
  const fine = raw("w", [4, 3, 8, 8]),
    bytes = conv(fine),
    refused = (bytes: Uint8Array, pattern: RegExp, options = {}) => {
      assert.throws(() => onnxNetwork(bytes, "m.onnx", options), (error: Error) => {
        assert.match(error.message, pattern);
        assert.match(error.message, /^[^\n]{1,400}$/);
        return error.name === "UserError";
      });
    };
  const { config, layers } = onnxNetwork(bytes, "a b.onnx", { white: 255, mean: [100], std: [2], shortSide: 9 });
  assert.is(layers.length, 1);
  assert.is(config!.name, "a-b");
  assert.equal(config!.dataset.preprocess, [{ scale: { subtract: 100, divide: 2 } }]);
  assert.equal(config!.dataset.imageFolder, { shortSide: 9, crop: 8, flip: true });
  for (const end of [0, 1, 40, bytes.length - 1]) refused(bytes.slice(0, end), /m\.onnx/);
  refused(new TextEncoder().encode("<!DOCTYPE html>".repeat(20)), /it is no ONNX file, or damaged/);
  refused(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), /it ends too early/);
  refused(Uint8Array.from({ length: 4_100_000 }, (_, i) => i % 2 === 0 ? 0x08 : 1), /it has too many fields/);
  refused(conv({ ...fine, dims: [2 ** 40, 3, 8, 8] }), /node logits \(Conv\) has a tensor "w" with 768 values for/);
  refused(conv({ ...fine, dims: [4, -3, 8, 8] }), /with 768 values for \[4, -3, 8, 8\]/);
  refused(conv({ ...fine, dataType: 16 }), /"w" of type 16, known are float32/);
  const outside = { ...fine, externalData: [{ key: "location", value: "weights.bin" }] };
  refused(conv(outside), /"w" whose values lie in "weights.bin": save the model as one file/);
  refused(conv({ ...fine, dims: [4, 6, 8, 4] }), /node logits \(Conv\) has weights for 6 channels and reads 3/);
  refused(conv(raw("w", [4, 3, 9, 9])), /node logits \(Conv\) cannot be read: .* needs height and width >= 9, got 8x8/);
  refused(conv(raw("w", [4, 3, 2, 2])), /its output is a map of 7x7/);
  refused(conv(fine, ["Conv", "logits", ["image", "elsewhere"]]), /reads elsewhere, which nothing before it writes/);
  refused(conv(fine, ["Einsum", "logits", ["image", "w"]]), /node logits \(Einsum\) is of no kind that allcnn has/);
  refused(conv(fine, ["Add", "logits", ["image", "image"]]), /node logits \(Add\) adds a value to itself/);
  const many = Array.from(
    { length: 12 },
    (_, i): Part => ["Einsum", i === 11 ? "logits" : `n${i}`, [i === 0 ? "image" : `n${i - 1}`]],
  );
  assert.throws(
    () => onnxNetwork(model(many, []), "m.onnx"),
    /node n0 \(Einsum\).*node n9 \(Einsum\) [^(]*; and 2 more$/,
  );
  const old = model([["Conv", "logits", ["image", "w"]]], [fine], [3, 8, 8], {
    opsetImport: [{ domain: "", version: 6 }],
  });
  refused(old, /m.onnx": it is of opset 6 of ONNX, 7 and newer can be read/);
  refused(
    model([["Softmax", "logits", ["logits"]], ["Relu", "b", ["image"]]], []),
    /node logits \(Softmax\) is of no kind that allcnn has/,
  );
  refused(bytes, /2 names of classes: the network tells 4 apart/, { classes: ["a", "b"] });
  refused(bytes, /expected a number for each of 3 channels, or one/, { mean: [1, 2] });
  refused(bytes, /not of images of 9x8x3/, { input: [9, 8, 3] });
  refused(bytes, /Cannot use data set cifar10, of 10 classes and 32x32x3 pixels/, { dataset: "cifar10" });
  refused(model([["Conv", "logits", ["image", "w"]]], [fine], [3, 8]), /is \[\?, 3, 8\], an image is/);
});

test.run();
