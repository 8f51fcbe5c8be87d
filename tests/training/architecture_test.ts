/** Networks built in code as files: saved with their architecture, loaded, exported and shown without the code. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { conv } from "../../layers/conv.ts";
import { dropout } from "../../layers/dropout.ts";
import { globalAveragePool } from "../../layers/global_average_pool.ts";
import { maxPool } from "../../layers/max_pool.ts";
import { sequential } from "../../layers/sequential.ts";
import { encode } from "../../training/checkpoint.ts";
import { loadModel, saveModel } from "../../training/model_file.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { getParams } from "../../training/params.ts";
import { predictLogits } from "../../training/predict.ts";
import { checkpointOf } from "../../training/snapshot.ts";
import { gpu, relativeError } from "../_gpu.ts";
import { allcnn, inFolder } from "../cli/_run.ts";
import { runOnnx } from "../export/_onnx.ts";
import { INPUT, stripes } from "./_tiny.ts";

const block = (name: string, channels: number) =>
  sequential(name, [
    conv("conv1", { channels, kernel: 3, padding: "same", activation: { leakyRelu: { slope: 0.1 } } }),
    dropout("drop", { rate: 0.25 }),
    maxPool("pool1", { kernel: 2, stride: 2 }),
  ]);
const network = () =>
  sequential("coded", [
    block("block1", 6),
    block("block2", 4),
    conv("top", { channels: 3, kernel: 1 }),
    globalAveragePool("mean"),
  ]);
const { images } = stripes(6);

test("a network built in code is saved, loaded, shown and exported without its code", async () => {
  const context = await gpu(), model = await openModel(context, { network: network(), input: INPUT }, { seed: 3 });
  const params = await getParams(model), logits = await predictLogits(model, images);
  await inFolder(async (folder) => {
    const file = `${folder}/coded.safetensors`;
    await saveModel(model, file);
    const loaded = await loadModel(context, file);
    assert.equal([loaded.network.name, loaded.input, loaded.config], ["coded", INPUT, null]);
    assert.equal(await getParams(loaded), params);
    assert.equal(await predictLogits(loaded, images), logits);
    closeModel(loaded);

    const { stdout, code } = await allcnn(["show", file, "--json"]), shown = JSON.parse(stdout);
    assert.equal([code, shown.input, shown.classes], [0, [8, 8, 1], 3]);
    assert.equal(shown.layers.map(({ name }: { name: string }) => name), ["block1", "block2", "top", "mean"]);
    assert.equal(shown.layers[1].layers[0].name, "block2/conv1");
    const refused = await allcnn(["show", file, "--program"]);
    assert.match(refused.stderr, /carries no config: name one/);

    const onnx = `${folder}/coded.onnx`, torch = `${folder}/coded.py`, again = `${folder}/again.safetensors`;
    const exported = await allcnn(["export", file, "--onnx", onnx, "--torch", torch, "--safetensors", again]);
    assert.is(exported.code, 0, exported.stderr);
    const theirs = await runOnnx(new Uint8Array(readFileSync(onnx)), images, INPUT);
    assert.ok(relativeError(theirs.logits.data as Float32Array, logits) < 1e-4);
    const python = readFileSync(torch, "utf8");
    assert.ok(python.includes("        nn.Sequential(  # 0 block1\n            nn.Conv2d(1, 6, 3,"), python);
    assert.ok(!python.includes("127.5"), "images are as the network takes them");
    const copy = await loadModel(context, again);
    assert.equal(await getParams(copy), params);
    closeModel(copy);
  });
  closeModel(model);
});

test("a network with layers of one's own needs its code, and a damaged one is refused in one line", async () => {
  const context = await gpu(), own = { ...conv("own", { channels: 3, kernel: 8 }) };
  delete (own as { made?: unknown }).made;
  const model = await openModel(context, { network: sequential("own", [own]), input: INPUT });
  await inFolder(async (folder) => {
    const file = `${folder}/own.safetensors`, load = () => loadModel(context, file).then(() => "", String);
    await saveModel(model, file);
    assert.match(await load(), /carries no config/);
    closeModel(await loadModel(context, file, { network: model.network, input: INPUT }));
    const saved = await checkpointOf(model, { progress: null, step: null, whitening: null });
    const deep = (depth: number): object => ({
      sequential: { name: "a", layers: depth === 0 ? [] : [deep(depth - 1)] },
    });
    const layers = [{ conf: { name: "own", channels: 3, kernel: 8 } }];
    for (
      const [architecture, message] of [
        [7, /Cannot use the network in .*damaged/],
        [{ name: "a", layers: 3, input: INPUT }, /damaged/],
        [{ name: "a", layers: [null], input: INPUT }, /damaged/],
        [{ name: "a", layers, input: INPUT }, /Unknown layer "conf", did you mean conv\?/],
        [
          { name: "a", layers: [{ conv: { name: "own", channels: 3 } }], input: INPUT },
          /conv "own": kernel: .*missing/,
        ],
        [
          { name: "a", layers: [{ conv: { name: "own", channels: 3, kernel: 8 } }], input: [8, "8", 1] },
          /images of \[8/,
        ],
        [{ name: "a", layers: [deep(500)], input: INPUT }, /damaged|classify/],
      ] as const
    ) {
      writeFileSync(file, await encode({ ...saved, architecture }));
      const text = await load();
      assert.match(text, message);
      assert.match(text, /^UserError: /);
    }
  });
  closeModel(model);
});

test.run();
