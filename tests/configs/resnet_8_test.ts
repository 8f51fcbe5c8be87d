/** configs/resnet-8.yaml: what it is made of, what its exports compute, and a look into its blocks. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../configs/load.ts";
import { elements } from "../../core/graph/tensor.ts";
import { RULES } from "../../core/graph/layer.ts";
import { explain } from "../../explain/explain.ts";
import { networkInfo } from "../../explain/network_info.ts";
import { onnxModel } from "../../export/onnx.ts";
import { sequential } from "../../layers/sequential.ts";
import { definitionOf } from "../../training/definition.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams, setParams } from "../../training/params.ts";
import { predictLogits } from "../../training/predict.ts";
import { runOnnx } from "../export/_onnx.ts";
import { gpu, random, relativeError } from "../_gpu.ts";
import { hasTorch, inTorch } from "../layers/_torch.ts";

const config = await loadConfig("configs/resnet-8.yaml"), { network, input } = definitionOf(config);

test("it has eight layers with weights, and two projections", () => {
  const weights = Object.entries(network.init([1, ...input]).params).filter(([name]) => name.endsWith("/w"));
  const [projections, others] = [true, false].map((is) => {
    return weights.filter(([name]) => name.includes("projection") === is);
  });
  assert.equal(projections!.map(([name, { shape }]) => [name, ...shape]), [
    ["block2/projection/w", 1, 1, 16, 32],
    ["block3/projection/w", 1, 1, 32, 64],
  ]);
  assert.equal(others!.map(([, { shape }]) => shape.at(-1)), [16, 16, 16, 32, 32, 64, 64, 10]);
  const [, , , block1] = networkInfo(config), { name, field } = block1!.layers[0]!;
  assert.equal([name, field], ["block1/conv1", { height: 5, width: 5, stride: 1 }]);
});

test("ONNX Runtime and PyTorch compute its logits, and explain looks into block1/conv1", async () => {
  const model = await openModel(await gpu(), config, { seed: 3 }), count = 3, size = elements(input);
  const params = Object.fromEntries(
    Object.entries(await getParams(model)).map(([name, { shape, data }], i) => { // statistics and biases that show
      const drawn = random(data.length, i), moved = data.map((value, at) => value + drawn[at]! / 4);
      return [name, { shape, data: name.endsWith("/w") ? data : moved }];
    }),
  );
  await setParams(model, Object.fromEntries(Object.entries(params).map(([name, { data }]) => [name, data])));
  const images = Float32Array.from(random(count * size, 5)), logits = await predictLogits(model, images);

  const trained = { network, dataset: null, params, whitening: null, image: input, classes: Array.from("0123456789") };
  const { logits: theirs } = await runOnnx(onnxModel(trained), images, input);
  assert.ok(relativeError(theirs.data as Float32Array, logits) < 1e-5);

  if (hasTorch()) {
    const values = Object.fromEntries(Object.entries(params).map(([name, { data }]) => [name, data]));
    const layer = sequential("all", network.layers!), given = { layer, shape: [count, ...input], x: images, values };
    const [found] = inTorch([{ ...given, dy: random(count * 10, 6), mode: "eval" }]);
    assert.ok(relativeError(logits, found!.y) < 1e-5, `${relativeError(logits, found!.y)}`);
  } else console.log("skipped: PyTorch computes the logits of resnet-8, as python3 has no torch");

  for (const rule of RULES) {
    const [seen] = await explain(model, images.subarray(0, size), { layer: "block1/conv1", unit: 2, rule });
    const [row, column] = seen!.position, { reconstruction } = seen!;
    const seeing = [...reconstruction.keys()].filter((i) => reconstruction[i] !== 0);
    assert.ok(seeing.length > 0, rule);
    for (const i of seeing) { // nothing outside of the 5x5 pixels that the unit sees
      const y = Math.floor(i / input[1] / 3), x = Math.floor(i / 3) % input[1];
      assert.ok(Math.abs(y - row) <= 2 && Math.abs(x - column) <= 2, `${rule}: ${y}, ${x} from ${row}, ${column}`);
    }
  }
  closeModel(model);
});

test.run();
