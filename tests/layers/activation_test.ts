import { test } from "uvu";
import * as assert from "uvu/assert";
import { RULES } from "../../core/graph/layer.ts";
import { onnxModel } from "../../export/onnx.ts";
import { modulesOf } from "../../export/pytorch.ts";
import { activation } from "../../layers/activation.ts";
import { conv } from "../../layers/conv.ts";
import { dense } from "../../layers/dense.ts";
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

test("GELU and SiLU agree with float64, forward and backward, by all rules", async () => {
  // From -4 to 4, and far out, where an exponential would overflow.
  const x = random(150, 1).map((value, i) => i < 4 ? [-4000, -90, 90, 4000][i]! : 4 * value), dy = random(150, 2);
  for (const f of ["gelu", "silu"] as const) {
    const { y: of, slope } = reference.SMOOTH[f], near = x.subarray(4), layer = activation("a", { function: f });
    for (const rule of RULES) {
      const { y, grads } = await onDevice(layer, { shape: [2, 5, 5, 3], x, dy, values: {}, rule }), dx = grads["x"]!;
      assert.ok(relativeError(y.subarray(4), near.map(of)) < 1e-6, f);
      assert.ok(relativeError(dx.subarray(4), reference.mapPullback(rule, slope, dy.subarray(4), near)) < 1e-6, rule);
      assert.ok(relativeError(y.subarray(0, 4), [0, 0, 90, 4000]) < 1e-6, f);
      const far = {
        gradient: [0, 0, dy[2]!, dy[3]!],
        guided: [0, 0, dy[2]!, dy[3]!],
        deconvnet: [...dy.subarray(0, 4)],
      };
      const expected = far[rule].map((d) => rule === "gradient" ? d : Math.max(d, 0));
      assert.ok(relativeError(dx.subarray(0, 4), expected) < 1e-6, `${f} far out, ${rule}: ${dx.subarray(0, 4)}`);
    }
  }
});

test("far below 0 GELU keeps its digits", async () => {
  const x = Float64Array.from([-3, -3.5, -4, -4.5]);
  const { y } = await onDevice(activation("a", { function: "gelu" }), { shape: [1, 2, 2, 1], x, dy: x, values: {} });
  y.forEach((value, i) => assert.ok(Math.abs(value / reference.SMOOTH.gelu.y(x[i]!) - 1) < 2e-6, `${x[i]}: ${value}`));
});

test("a convolution and a dense layer say why they take no GELU", () => {
  const expected =
    /activation: the gradient of gelu needs what comes before it, .*\{ activation: \{ function: gelu \} \} behind it, got "gelu"$/;
  assert.throws(() => conv("conv1", { channels: 8, kernel: 3, activation: "gelu" as never }), expected);
  assert.throws(() => dense("dense1", { channels: 8, activation: "gelu" as never }), expected);
  assert.throws(() => conv("conv1", { channels: 8, kernel: 3, activation: "geluh" as never }), /expected none, relu/);
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
  const written = ["activation", { activation: { function: "silu" } }, { activation: { function: LEAKY } }, {
    activation: { name: "relu1" },
  }];
  assert.ok(networkSchema.safeParse(written).success);
  for (const wrong of [{ function: "none" }, { function: "geluh" }, { function: { leakyRelu: { slope: 1 } } }]) {
    assert.not(networkSchema.safeParse([{ activation: wrong }]).success, JSON.stringify(wrong));
  }
});

test.run();
