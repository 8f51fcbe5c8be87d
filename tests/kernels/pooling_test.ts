import { test } from "uvu";
import * as assert from "uvu/assert";
import { globalAveragePoolBackward, globalAveragePoolForward } from "../../kernels/layer/global_average_pool.ts";
import { maxPoolBackward, maxPoolForward, pooledSize } from "../../kernels/layer/max_pool.ts";
import { random, relativeError, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";

test("max_pool: sizes round up as in Caffe, and the last window starts inside the input", () => {
  const cases = [
    [32, 3, 2, 16], // the paper: 32 -> 16 -> 8
    [16, 3, 2, 8],
    [8, 3, 2, 4],
    [7, 3, 2, 3],
    [6, 3, 2, 3],
    [5, 3, 2, 2],
    [8, 2, 2, 4],
    [7, 2, 2, 4],
    [1, 3, 2, 1],
    [2, 3, 2, 1],
    [4, 1, 2, 2], // rounding up alone would give a third window, outside
    [7, 2, 3, 3],
    [6, 2, 3, 2],
  ] as const;
  for (const [size, kernel, stride, expected] of cases) {
    assert.is(pooledSize(size, kernel, stride), expected, `size ${size}, kernel ${kernel}, stride ${stride}`);
  }
});

/** Height, width, channels, batch, kernel, stride. The last two: windows that leave gaps, a window above the image. */
const SHAPES = [
  [32, 32, 1, 1, 3, 2],
  [7, 7, 3, 2, 3, 2],
  [8, 8, 2, 2, 3, 2],
  [5, 6, 5, 2, 3, 2],
  [6, 5, 3, 2, 2, 2],
  [5, 4, 2, 1, 3, 1],
  [7, 8, 2, 2, 2, 3],
  [2, 1, 2, 2, 3, 2],
] as const;

for (const [height, width, channels, batch, kernel, stride] of SHAPES) {
  const p = { batch, height, width, channels, kernel, stride };
  const outHeight = pooledSize(height, kernel, stride), outWidth = pooledSize(width, kernel, stride);
  const xShape = [batch, height, width, channels], yShape = [batch, outHeight, outWidth, channels];
  // Five values only, all negative: most windows have a tie, and a maximum with padding zeros would show.
  const x = random(batch * height * width * channels).map((value) => Math.floor(value * 2.5) / 4 - 2);
  const { y: expected, from } = reference.maxPool(p, x);

  test(`max_pool ${height}x${width} kernel ${kernel} stride ${stride}: maxima, switches and the way back`, async () => {
    const reads = [{ shape: xShape, data: x }];
    const writes = [{ shape: yShape }, { shape: yShape, dtype: "u32" as const }];
    const [y, switches] = await runOp(maxPoolForward, { ...p, switches: true }, {}, { reads, writes });
    assert.is(relativeError(y!, expected), 0);
    const taps = Array.from(from, (i, o) => {
      const h = Math.floor(i / (width * channels)) % height, w = Math.floor(i / channels) % width;
      const oy = Math.floor(o / (outWidth * channels)) % outHeight, ox = Math.floor(o / channels) % outWidth;
      return (h - oy * stride) * kernel + w - ox * stride;
    });
    assert.is(relativeError(switches!, taps), 0, "the switch is the first maximum, row by row");

    const dy = random(expected.length, 2);
    const back = [{ shape: yShape, data: dy }, { shape: yShape, data: switches!, dtype: "u32" as const }];
    const operands = { reads: back, writes: [{ shape: xShape, data: x }] };
    const [dx] = await runOp(maxPoolBackward, { ...p, switches: true }, {}, operands);
    assert.ok(relativeError(dx!, reference.maxPoolBackward(x.length, from, dy)) < 1e-7);

    const spread = { reads: [back[0]!], writes: operands.writes };
    const [even] = await runOp(maxPoolBackward, { ...p, switches: false }, {}, spread);
    assert.ok(relativeError(even!, reference.maxPoolSpread(p, dy)) < 1e-6, "spread evenly");
  });
}

test("max_pool: without switches the maxima are the same", async () => {
  const [height, width, channels, batch, kernel, stride] = SHAPES[1];
  const p = { batch, height, width, channels, kernel, stride };
  const x = random(batch * height * width * channels), { y: expected } = reference.maxPool(p, x);
  const operands = {
    reads: [{ shape: [batch, height, width, channels], data: x }],
    writes: [{ shape: [expected.length] }],
  };
  const [y] = await runOp(maxPoolForward, { ...p, switches: false }, {}, operands);
  assert.is(relativeError(y!, expected), 0);
});

test("max_pool: overlapping windows with one maximum add up their signals", async () => {
  // 5x5 with a peak in the middle, which all four 3x3 windows contain, at its corner of each.
  const x = new Float64Array(25).fill(-1);
  x[12] = 1;
  const p = { batch: 1, height: 5, width: 5, channels: 1, kernel: 3, stride: 2, switches: true };
  const reads = [{ shape: [4], data: [1, 10, 100, 1000] }, { shape: [4], data: [8, 6, 2, 0], dtype: "u32" as const }];
  const [dx] = await runOp(maxPoolBackward, p, {}, { reads, writes: [{ shape: [25] }] });
  assert.is(dx![12], 1111);
  assert.is(dx!.filter((value) => value !== 0).length, 1);
});

test("global_average_pool: forward and backward agree with float64", async () => {
  const batch = 3, positions = 6, channels = 29;
  const p = { batch, positions, channels };
  const x = random(batch * positions * channels, 1), dy = random(batch * channels, 2);
  const xShape = [batch, 2, 3, channels], yShape = [batch, 1, 1, channels];
  const forward = { reads: [{ shape: xShape, data: x }], writes: [{ shape: yShape }] };
  const backward = { reads: [{ shape: yShape, data: dy }], writes: [{ shape: xShape }] };
  const [y] = await runOp(globalAveragePoolForward, p, {}, forward);
  const [dx] = await runOp(globalAveragePoolBackward, p, {}, backward);
  assert.ok(relativeError(y!, reference.globalAveragePool(batch, positions, channels, x)) < 1e-6);
  assert.ok(relativeError(dx!, reference.globalAveragePoolBackward(batch, positions, channels, dy)) < 1e-6);
});

test.run();
