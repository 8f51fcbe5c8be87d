import { test } from "uvu";
import * as assert from "uvu/assert";
import { RULES } from "../../core/graph/layer.ts";
import { elements } from "../../core/graph/tensor.ts";
import type { HostTensor } from "../../core/host/safetensors.ts";
import { networkInfo } from "../../explain/network_info.ts";
import { fromPytorch, toPytorch } from "../../export/pytorch.ts";
import { conv } from "../../layers/conv.ts";
import { dense } from "../../layers/dense.ts";
import { networkSchema } from "../../layers/network_config.ts";
import { sequential } from "../../layers/sequential.ts";
import { random, relativeError } from "../_gpu.ts";
import * as reference from "../_reference.ts";
import { onDevice } from "./_on_device.ts";

const SHAPE = [3, 4, 5, 6] as const, CHANNELS = 7;
const x = random(360, 1), w = random(840, 2), b = random(CHANNELS, 3), dy = random(21, 4);
/** One pixel for each image. */
const PRODUCT = {
  ...{ batch: 3, height: 1, width: 1, outHeight: 1, outWidth: 1, kernel: 1, stride: 1, padding: 0 },
  ...{ inChannels: 120, outChannels: CHANNELS },
};

test("outputs and gradients agree with float64, by all rules", async () => {
  const layer = dense("dense1", { channels: CHANNELS, activation: "relu" });
  const y = reference.leakyRelu(reference.convForward(PRODUCT, x, w, b), 0);
  for (const rule of RULES) {
    const found = await onDevice(layer, { shape: SHAPE, x, dy, values: { w, b }, rule });
    const dz = reference.reluPullback(rule, 0, dy, y);
    assert.ok(relativeError(found.y, y) < 1e-6);
    assert.ok(relativeError(found.grads["x"]!, reference.convBackwardData(PRODUCT, dz, w)) < 1e-6, rule);
    assert.ok(relativeError(found.grads["w"]!, reference.convBackwardWeight(PRODUCT, x, dz)) < 1e-6, rule);
    assert.ok(relativeError(found.grads["b"]!, reference.sumRows(CHANNELS, dz)) < 1e-6, rule);
  }
});

test("it has the parameters and the numbers of a convolution over the whole image", async () => {
  const shape = [3, 4, 4, 6] as const,
    given = { shape, x: x.subarray(0, 288), dy, values: { w: w.subarray(0, 672), b } };
  const all = dense("d", { channels: CHANNELS }), over = conv("d", { channels: CHANNELS, kernel: 4 });
  assert.equal(all.init(shape).output, over.init(shape).output);
  assert.equal(all.init(shape).params["w"]!.shape, over.init(shape).params["w"]!.shape);
  const [one, two] = [await onDevice(all, given), await onDevice(over, given)];
  assert.ok(relativeError(one.y, two.y) < 1e-6);
  for (const name of ["x", "w", "b"]) assert.ok(relativeError(one.grads[name]!, two.grads[name]!) < 1e-6, name);
});

test("what is told of it: it sees the whole image, and multiplies as often as it has weights", () => {
  const network = sequential("net", [conv("conv1", { channels: 6, kernel: 3 }), dense("dense1", { channels: 9 })]);
  const { what, field, parameters, multiplications } = networkInfo({ network, input: [8, 7, 3] })[1]!;
  assert.equal([what, field.height, field.width], ["dense", 8, 7]);
  assert.equal([parameters, multiplications], [6 * 5 * 6 * 9 + 9, 6 * 5 * 6 * 9]);
});

test("a Linear behind a Flatten is read as one: its weights go along channels, rows, columns", () => {
  const network = sequential("net", [conv("conv1", { channels: 3, kernel: 2 }), dense("dense1", { channels: 2 })]);
  const image = [3, 4, 1] as const, { params: specs } = network.init([1, ...image]);
  const params = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }], i) => {
      return [name, { shape, data: Float32Array.from(random(elements(shape), 10 + i)) }];
    }),
  );
  const tensors = toPytorch(params, network, image), { "1.weight": weight, ...rest } = tensors;
  assert.equal(weight!.shape, [2, 3, 2, 3]);
  const read = (weight: HostTensor) =>
    fromPytorch({ ...rest, "1.weight": weight }, { network, image, specs, source: "net", line: assert.unreachable });
  assert.equal(read({ ...weight!, shape: [2, 18] }), params);
  assert.throws(() => read({ ...weight!, shape: [18, 2] }), /"1.weight" is \[18, 2\], expected \[2, 3, 2, 3\]/);
  const kernel = { ...tensors["0.weight"]!, shape: [3, 4] }; // of a convolution it is a mistake
  assert.throws(
    () =>
      fromPytorch({ ...tensors, "0.weight": kernel }, {
        network,
        image,
        specs,
        source: "net",
        line: assert.unreachable,
      }),
    /"0.weight" is \[3, 4\]/,
  );
});

test("in a config it says its channels; what is no image is one line", () => {
  assert.ok(networkSchema.safeParse([{ dense: { name: "dense1", channels: 10, activation: "relu" } }]).success);
  assert.not(networkSchema.safeParse([{ dense: { name: "dense1", units: 10 } }]).success);
  assert.throws(() => dense("dense1", { channels: 3 }).init([2, 10]), /Cannot apply dense "dense1" to \[2, 10\]/);
});

test.run();
