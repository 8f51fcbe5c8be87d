import { test } from "uvu";
import * as assert from "uvu/assert";
import { globalAveragePoolBackward, globalAveragePoolForward } from "../../kernels/layer/global_average_pool.ts";
import { averagePoolBackward, averagePoolForward } from "../../kernels/layer/average_pool.ts";
import { maxPoolBackward, maxPoolForward } from "../../kernels/layer/max_pool.ts";
import { poolAxes, pooledSize, type PoolWindows } from "../../kernels/layer/pool_windows.ts";
import { axesOf, NO_PADDING, sized } from "../../kernels/per_axis.ts";
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

test("pooling: sizes with padding, rounded up and down, are PyTorch's", () => {
  const cases = [
    [7, 3, 2, { before: 1, after: 1, rounding: "up" }, 4],
    [8, 3, 2, { before: 1, after: 1, rounding: "up" }, 5],
    [8, 3, 2, { before: 1, after: 1, rounding: "down" }, 4],
    [8, 2, 3, { before: 1, after: 0, rounding: "up" }, 3],
    [9, 2, 3, { before: 0, after: 1, rounding: "up" }, 3], // a fourth window would start behind the input
    [4, 2, 2, { before: 1, after: 1, rounding: "down" }, 3],
    [2, 3, 1, { before: 0, after: 0, rounding: "down" }, 0],
  ] as const;
  for (const [size, kernel, stride, ends, expected] of cases) {
    assert.is(pooledSize(size, kernel, stride, ends), expected, `${size} ${kernel} ${stride} ${JSON.stringify(ends)}`);
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

/** With padding, uneven too, rounded down, and with windows that are not square. */
const PADDED: readonly PoolWindows[] = [
  { height: 7, width: 6, kernel: 3, stride: 2, padding: { top: 1, left: 1, bottom: 1, right: 1 } },
  { height: 8, width: 7, kernel: 3, stride: 2, rounding: "down" as const },
  { height: 8, width: 5, kernel: [3, 2], stride: [2, 1], padding: { top: 2, left: 1, bottom: 0, right: 0 } },
  {
    ...{ height: 6, width: 9, kernel: [2, 5], stride: [1, 3], padding: { top: 0, left: 3, bottom: 1, right: 4 } },
    rounding: "down" as const,
  },
  { height: 1, width: 3, kernel: [4, 2], stride: [3, 4], padding: { top: 3, left: 0, bottom: 2, right: 1 } },
].map((windows) => ({ batch: 2, channels: 3, ...windows } as PoolWindows));

const ALL: readonly PoolWindows[] = [
  ...SHAPES.map(([height, width, channels, batch, kernel, stride]) => ({
    batch,
    height,
    width,
    channels,
    kernel,
    stride,
  })),
  ...PADDED,
];

for (const p of ALL) {
  const { y: down, x: across } = poolAxes(p), { batch, height, width, channels } = p;
  const xShape = [batch, height, width, channels], yShape = [batch, down.out, across.out, channels];
  const { top, left } = p.padding ?? NO_PADDING,
    [, columns] = axesOf(p.kernel),
    [rowStep, columnStep] = axesOf(p.stride);
  // Five values only, all negative: most windows have a tie, and a maximum with padding zeros would show.
  const x = random(batch * height * width * channels).map((value) => Math.floor(value * 2.5) / 4 - 2);
  const { y: expected, from } = reference.maxPool(p, x), dy = random(expected.length, 2);
  const title = `${height}x${width} kernel ${sized(p.kernel)} stride ${sized(p.stride)}`;

  test(`max_pool ${title}: maxima, switches and the way back`, async () => {
    const reads = [{ shape: xShape, data: x }];
    const writes = [{ shape: yShape }, { shape: yShape, dtype: "u32" as const }];
    const [y, switches] = await runOp(maxPoolForward, { ...p, switches: true }, {}, { reads, writes });
    assert.is(relativeError(y!, expected), 0);
    const taps = Array.from(from, (i, o) => {
      const h = Math.floor(i / (width * channels)) % height, w = Math.floor(i / channels) % width;
      const oy = Math.floor(o / (across.out * channels)) % down.out, ox = Math.floor(o / channels) % across.out;
      return (h + top - oy * rowStep) * columns + w + left - ox * columnStep;
    });
    assert.is(relativeError(switches!, taps), 0, "the switch is the first maximum, row by row");

    const back = [{ shape: yShape, data: dy }, { shape: yShape, data: switches!, dtype: "u32" as const }];
    const operands = { reads: back, writes: [{ shape: xShape, data: x }] };
    const [dx] = await runOp(maxPoolBackward, { ...p, switches: true }, {}, operands);
    assert.ok(relativeError(dx!, reference.maxPoolBackward(x.length, from, dy)) < 1e-7);

    const spread = { reads: [back[0]!], writes: operands.writes };
    const [even] = await runOp(maxPoolBackward, { ...p, switches: false }, {}, spread);
    assert.ok(relativeError(even!, reference.maxPoolSpread(p, dy)) < 1e-6, "spread evenly");
  });

  for (const countPadding of p.padding === undefined ? [false] : [false, true]) {
    test(`average_pool ${title}${countPadding ? ", padding counted" : ""}: averages and the way back`, async () => {
      const problem = { ...p, countPadding }, images = { shape: xShape, data: x };
      const [y] = await runOp(averagePoolForward, problem, {}, { reads: [images], writes: [{ shape: yShape }] });
      assert.ok(relativeError(y!, reference.averagePool(p, countPadding, x)) < 1e-6);
      const operands = { reads: [{ shape: yShape, data: dy }], writes: [images] };
      const [dx] = await runOp(averagePoolBackward, problem, {}, operands);
      assert.ok(relativeError(dx!, reference.averagePoolBackward(p, countPadding, dy)) < 1e-6);
    });
  }
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
