/** configs/cifar10-3c3d.yaml: shapes and parameters of DeepOBS's network, and what decays. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../configs/load.ts";
import { elements } from "../../core/graph/tensor.ts";
import { networkInfo } from "../../explain/network_info.ts";
import { globalContrastNormalize } from "../../data/transforms/gcn.ts";
import { definitionOf } from "../../training/definition.ts";

const config = await loadConfig("configs/cifar10-3c3d.yaml"), { network, input } = definitionOf(config);

test("it has DeepOBS's shapes and its 895,210 parameters", () => {
  const outputs = networkInfo(config).map(({ output }) => output.join("x"));
  assert.equal(outputs.slice(0, 6), ["28x28x64", "14x14x64", "12x12x96", "6x6x96", "6x6x128", "3x3x128"]);
  const { params } = network.init([1, ...input]);
  assert.is(Object.values(params).reduce((sum, { shape }) => sum + elements(shape), 0), 895_210);
  assert.equal(config.training.optimizer, {
    adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.002, decayBiases: false },
  });
});

test("its images have a mean of 0 and a standard deviation of 1, each for itself", () => {
  const [step] = config.dataset.preprocess as [{ gcn: { scale: number } }], size = elements(input);
  const image = Float32Array.from({ length: size }, (_, i) => (i * 7919) % 256);
  globalContrastNormalize(image, size, step.gcn.scale);
  const mean = image.reduce((sum, each) => sum + each, 0) / size;
  const variance = image.reduce((sum, each) => sum + (each - mean) ** 2, 0) / size;
  assert.ok(Math.abs(mean) < 1e-6 && Math.abs(variance - 1) < 1e-5, `${mean} ${variance}`);
});

test.run();
