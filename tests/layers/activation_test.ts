import { test } from "uvu";
import * as assert from "uvu/assert";
import { RULES } from "../../core/graph/layer.ts";
import { onnxModel } from "../../export/onnx.ts";
import { modulesOf } from "../../export/pytorch.ts";
import { activation } from "../../layers/activation.ts";
import { conv } from "../../layers/conv.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { describeLayer } from "../../layers/layer_kind.ts";
import { networkSchema } from "../../layers/network_config.ts";
import { sequential } from "../../layers/sequential.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams } from "../../training/params.ts";
import { predictLogits } from "../../training/predict.ts";
import { gpu, random, relativeError } from "../_gpu.ts";
import * as reference from "../_reference.ts";
import { runOnnx } from "../export/_onnx.ts";
import { onDevice } from "./_on_device.ts";

const LEAKY = { leakyRelu: { slope: 0.25 } };

test("ReLU and leaky ReLU agree with float64, forward and backward, by all rules", async () => {
  const x = random(150, 1), dy = random(150, 2);
  for (const [made, slope] of [[activation("a"), 0], [activation("a", { function: LEAKY }), 0.25]] as const) {
    for (const rule of RULES) {
      const { y, grads } = await onDevice(made, { shape: [2, 5, 5, 3], x, dy, values: {}, rule });
      const expected = reference.leakyRelu(x, slope);
      assert.ok(relativeError(y, expected) < 1e-7);
      assert.ok(relativeError(grads["x"]!, reference.reluPullback(rule, slope, dy, expected)) < 1e-7, rule);
    }
  }
});

test("an activation behind a convolution is that of the convolution, in ONNX too", async () => {
  const context = await gpu(), image = [8, 8, 3] as const, images = Float32Array.from(random(4 * 192, 3));
  const rest = () => [conv("conv2", { channels: 5, kernel: 1 }), globalAveragePool("mean")];
  const options = { channels: 6, kernel: 3 } as const;
  const joined = sequential("net", [conv("conv1", { ...options, activation: LEAKY }), ...rest()]);
  const apart = sequential("net", [conv("conv1", options), activation("act1", { function: LEAKY }), ...rest()]);
  const found: Float32Array[] = [];
  for (const network of [joined, apart]) {
    const model = await openModel(context, { network, input: image }, { seed: 1 });
    const params = await getParams(model), classes = Array.from("abcde");
    found.push(await predictLogits(model, images));
    const onnx = onnxModel({ network, dataset: null, params, whitening: null, image, classes });
    const { logits } = await runOnnx(onnx, images, image);
    assert.ok(relativeError(logits.data as Float32Array, found.at(-1)!) < 1e-5);
    closeModel(model);
  }
  assert.ok(relativeError(found[1]!, found[0]!) < 1e-6);
  const code = (network: typeof apart) => modulesOf(network, image).map(({ code }) => code);
  assert.equal(code(apart), code(joined));
  assert.is(describeLayer(apart.layers![1]!), "leaky ReLU");
});

test("in a config it is a word, or says its function", () => {
  const written = ["activation", { activation: { function: LEAKY } }, { activation: { name: "relu1" } }];
  assert.ok(networkSchema.safeParse(written).success);
  for (const wrong of [{ function: "none" }, { function: "gelu" }, { function: { leakyRelu: { slope: 1 } } }]) {
    assert.not(networkSchema.safeParse([{ activation: wrong }]).success, JSON.stringify(wrong));
  }
});

test.run();
