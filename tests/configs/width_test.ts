import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../configs/load.ts";
import { layersOf } from "../../configs/width.ts";
import { UserError } from "../../core/host/errors.ts";
import { readEntry } from "../../layers/network_config.ts";
import { specsOf } from "../../training/definition.ts";

const channelsOf = (layers: ReturnType<typeof layersOf>) =>
  layers.flatMap((layer) => (readEntry(layer).options as { channels?: number }).channels ?? []);

test("width multiplies the channels of all convolutions but the last, in fours", async () => {
  const quarter = await loadConfig("configs/allcnn-c.yaml", ["width=0.25"]);
  assert.equal(channelsOf(layersOf(quarter)), [24, 24, 24, 48, 48, 48, 48, 48, 10]);
  assert.equal(channelsOf(quarter.network), [96, 96, 96, 192, 192, 192, 192, 192, 10], "the config stays as written");
  assert.equal(specsOf(quarter).specs["conv4/w"]!.shape, [3, 3, 24, 48]);
  const odd = await loadConfig("configs/allcnn-c.yaml", ["width=0.3"]);
  assert.equal(channelsOf(layersOf(odd)).slice(0, 4), [28, 28, 28, 56], "28.8 and 57.6, in fours");
  const whole = await loadConfig("configs/allcnn-c.yaml");
  assert.is(layersOf(whole), whole.network);
});

test("a width that leaves a layer without channels names the layer and a width that does not", async () => {
  const config = await loadConfig("configs/allcnn-c.yaml", ["width=0.02"]);
  assert.throws(
    () => specsOf(config),
    (error: Error) =>
      error instanceof UserError && /width 0.02: .*"conv1" 1.92 of its 96 .* use 0.03/.test(error.message),
  );
  assert.ok(specsOf(await loadConfig("configs/allcnn-c.yaml", ["width=0.03"])).specs["conv1/w"]!.shape[3]! >= 4);
});

test.run();
