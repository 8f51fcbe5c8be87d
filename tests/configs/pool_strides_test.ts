import { test } from "uvu";
import * as assert from "uvu/assert";
import { readdirSync } from "node:fs";
import { loadConfig } from "../../configs/load.ts";
import { pooledLayers, poolStrides } from "../../configs/pool_strides.ts";
import { isStrided } from "../../explain/pool_model.ts";
import { buildNetwork, networkSchema } from "../../layers/network_config.ts";
import { leavesOf } from "../../layers/tree.ts";
import { definitionOf, specsOf } from "../../training/definition.ts";

const CONFIGS = readdirSync("configs").filter((name) => name.endsWith(".yaml"));

test("of every config: the same parameters, no stride but that of pooling, every convolution as large as before", async () => {
  for (const name of CONFIGS) {
    const config = await loadConfig(`configs/${name}`), pooled = poolStrides(config);
    assert.equal(specsOf(pooled), specsOf(config), name);
    assert.not.ok(leavesOf(buildNetwork(name, pooled.network)).some(isStrided));
    assert.is(poolStrides(pooled).network.length, pooled.network.length);
    const { input } = definitionOf(config);
    // What follows a convolution and its pooling sees the shape that followed the strided convolution.
    const shapes = (network: typeof config.network) => {
      let shape: readonly number[] = [2, ...input];
      const layers = leavesOf(buildNetwork(name, network));
      return layers.map((layer, index) => {
        shape = layer.init(shape).output;
        return layers[index + 1]?.made?.kind.key === "maxPool" ? null : shape;
      }).filter((shape) => shape !== null);
    };
    assert.equal(shapes(pooled.network), shapes(config.network), name);
  }
});

test("stride 2 becomes 2x2 pooling behind the convolution, as in the paper; nothing else changes", async () => {
  const config = await loadConfig("configs/allcnn-c.yaml"), pooled = poolStrides(config);
  assert.is(pooled.network.length, config.network.length + 2);
  const conv3 = config.network[3] as { conv: object };
  assert.equal(pooled.network.slice(3, 5), [{ conv: { ...conv3.conv, stride: 1 } }, {
    maxPool: { kernel: 2, stride: 2 },
  }]);
  assert.equal(pooled.training, config.training);
});

test("strides that differ along the axes become such a pooling", () => {
  const options = { channels: 4, kernel: 3, padding: "same", stride: [2, 1] } as const;
  const written = networkSchema.parse([{ conv: { name: "conv1", ...options } }, {
    conv: { name: "conv2", channels: 2, kernel: 1 },
  }]);
  const pooled = networkSchema.parse(pooledLayers(written));
  assert.equal(pooled[1], { maxPool: { kernel: [2, 1], stride: [2, 1], padding: "valid", rounding: "up" } });
  const shapes = [written, pooled].map((layers) => buildNetwork("net", layers).init([2, 7, 6, 3]).output);
  assert.equal(shapes[1], shapes[0]);
});

test.run();
