import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Context } from "../../core/device/device.ts";
import { inChannels } from "../../data/image.ts";
import {
  applyTransforms,
  areAll,
  channelScale,
  isFitted,
  type TransformConfig,
  transformsOf,
} from "../../data/transforms/mod.ts";
import { dataUrl } from "../../report/tile_grid.ts";

const PIXELS: readonly TransformConfig[] = [
  { scale: { subtract: 8, divide: 2 } },
  { channelMeans: [3, 5, 7] },
  { scale: { subtract: -1, divide: 4 } },
];

test("transforms of pixels, one after the other, are the one that the device applies and pictures undo", async () => {
  const images = Float32Array.from({ length: 2 * 4 * 3 }, (_, i) => 10 * i), result = images.slice();
  const applying = { context: null as unknown as Context, shape: [2, 2, 3] as const, fitted: null };
  await applyTransforms({ preprocess: PIXELS }, result, applying);
  const { subtract, divide } = channelScale({ preprocess: PIXELS }, 3);
  assert.equal([subtract, divide], [[12, 16, 20], 8]);
  result.forEach((value, i) => assert.is(value, (images[i]! - subtract[i % 3]!) / divide));
  assert.equal(channelScale({ preprocess: [] }, 1), { subtract: [127.5], divide: 127.5 });
});

test("what a transform needs is said by its record", () => {
  const with_ = (config: TransformConfig) => ({ preprocess: [config] });
  const gcn = with_({ gcn: { scale: 55 } }), zca = with_({ zca: { epsilon: 0.1 } }), means = with_(PIXELS[1]!);
  assert.equal([gcn, zca, means].map((each) => areAll("pixels", each)), [false, false, true]);
  assert.equal([means, with_(PIXELS[0]!)].map((each) => areAll("alike", each)), [false, true]);
  assert.equal([gcn, zca].map(isFitted), [false, true]);
  assert.throws(() => channelScale(gcn, 3), /gcn needs whole images/);
  assert.throws(
    () => transformsOf({ preprocess: [{ sclae: 1 } as unknown as TransformConfig] }),
    /^Unknown transform "sclae", did you mean scale\? There are gcn, zca, channelMeans, scale$/,
  );
});

test("grey pictures: one channel of luma, and a PNG of one channel", () => {
  assert.equal([...inChannels(Uint8Array.of(9, 9, 9, 255, 0, 0), 1)], [9, 76]);
  assert.throws(() => inChannels(new Uint8Array(3), 2), /2 channels/);
  const png = atob(dataUrl({ width: 2, height: 1, pixels: Uint8Array.of(0, 255) }).split(",")[1]!);
  assert.is(png.charCodeAt(25), 0, "the colour type of the header is grey");
});

test.run();
