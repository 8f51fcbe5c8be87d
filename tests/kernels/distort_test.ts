import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Distortion, distortionSize, drawDistortions } from "../../kernels/data/draw_distortions.ts";
import { placeOnCanvas } from "../../kernels/data/place_on_canvas.ts";
import { permutation } from "../../core/graph/random.ts";
import { encodeStep } from "../../core/graph/step_data.ts";
import { placed } from "../../data/canvas.ts";
import { random, relativeError, runOp } from "../_gpu.ts";
import { type At, type Drawn, drawnFor, forward, place } from "../_reference_distort.ts";

const AT: At = { seed: 0xdeadbeef, step: 12345, stream: 0x80000001 };
const NONE: Distortion = {
  stretch: 0,
  flip: false,
  shearOrRotation: 0,
  shift: 0,
  color: { offset: 0, contrast: 0, gradientX: 0, gradientY: 0 },
};
/** Larger than the paper's, and none like another, so that swapped ones show. */
const ALL: Distortion = {
  stretch: 0.3,
  flip: true,
  shearOrRotation: 0.5,
  shift: 3,
  color: { offset: 0.25, contrast: 0.5, gradientX: 0.125, gradientY: 0.0625 },
};
/** One image is wider than high, and the canvas is not as far from it on both sides. */
const SHAPE = { height: 6, width: 8, channels: 3, size: 21, top: 7, left: 6, background: -0.75 };
const EXAMPLES = 20, BATCH = 9, IMAGE = 6 * 8 * 3, CANVAS = 21 * 21 * 3;

const u32 = (data: ArrayLike<number>) => ({ shape: [data.length], data, dtype: "u32" as const });
const stepOf = (first: number, { seed, step }: At = AT) => u32(encodeStep({ seed, step, learningRate: 0, first }));

interface Where {
  readonly order?: Uint32Array;
  readonly first?: number;
  readonly distorting?: number;
  readonly at?: At;
}
const ORDER = permutation(EXAMPLES, 1, 2);

/** What the GPU draws for a batch. */
async function drawn(distortion: Distortion | null, where: Where = {}, batch = BATCH, places = EXAMPLES) {
  const { order = ORDER, first = 0, distorting = 1, at = AT } = where;
  const problem = { batch, channels: 3, places, distortion: distortion && { ...distortion, stream: at.stream } };
  const reads = distortion === null ? [] : [u32(order), stepOf(first, at), u32([distorting])];
  const writes = [{ shape: [batch, distortionSize(3)] }];
  return (await runOp(drawDistortions, problem, {}, { reads, writes }))[0]!;
}

/** A batch on its canvas, from a data set in chunks of `rows` examples. */
async function canvases(images: Float64Array, distortions: Float64Array, where: Where = {}, rows = EXAMPLES) {
  const { order = ORDER, first = 0 } = where, shape = [BATCH, SHAPE.size, SHAPE.size, 3];
  let x = new Float64Array(BATCH * CANVAS).fill(99); // what an element that nobody writes keeps
  for (let start = 0; start < EXAMPLES; start += rows) {
    const chunk = { first: start, rows: Math.min(rows, EXAMPLES - start) };
    const part = images.slice(start * IMAGE, (start + chunk.rows) * IMAGE);
    const reads = [
      { shape: [part.length], data: part },
      u32(order),
      stepOf(first),
      { shape: [BATCH, distortionSize(3)], data: distortions },
    ];
    const problem = { ...SHAPE, batch: BATCH, places: EXAMPLES, chunk };
    [x] = await runOp(placeOnCanvas, problem, {}, { reads, writes: [{ shape, data: x }] }) as [typeof x];
  }
  return x;
}

const imageOf = (images: Float64Array, row: number) => images.slice(row * IMAGE, (row + 1) * IMAGE);
const canvasOf = (x: Float64Array, n: number) => x.slice(n * CANVAS, (n + 1) * CANVAS);

const ALONE: Record<string, Distortion> = {
  "nothing": NONE,
  "stretch": { ...NONE, stretch: ALL.stretch },
  "flip": { ...NONE, flip: true },
  "shear or rotation": { ...NONE, shearOrRotation: ALL.shearOrRotation },
  "shift": { ...NONE, shift: ALL.shift },
  "offset of colours": { ...NONE, color: { ...NONE.color, offset: 0.25 } },
  "contrast of colours": { ...NONE, color: { ...NONE.color, contrast: 0.5 } },
  "gradient to the right": { ...NONE, color: { ...NONE.color, gradientX: 0.125 } },
  "gradient downwards": { ...NONE, color: { ...NONE.color, gradientY: 0.0625 } },
  "all together": ALL,
};

for (const [what, distortion] of Object.entries(ALONE)) {
  test(`${what}: each image of the batch is that of the plain reference`, async () => {
    const images = random(EXAMPLES * IMAGE, 4), x = await canvases(images, await drawn(distortion));
    const changed = new Set<boolean>();
    for (let n = 0; n < BATCH; n++) {
      const row = ORDER[n]!, image = imageOf(images, row);
      const expected = place(image, SHAPE, drawnFor(row, 3, distortion, AT));
      const error = relativeError(canvasOf(x, n), expected);
      assert.ok(error < 2e-5, `image ${n}: ${error}`);
      changed.add(relativeError(expected, place(image, SHAPE, drawnFor(row, 3, NONE, AT))) > 0.01);
    }
    assert.is(changed.has(true), what !== "nothing", "a distortion that changes nothing tests nothing");
  });
}

test("the batch of the test has both mirrored and plain images, and all of shear x, shear y and rotation", () => {
  const rows = Array.from(ORDER.slice(0, BATCH), (row) => drawnFor(row, 3, ALL, AT));
  assert.is(new Set(rows.map(({ mirror }) => mirror)).size, 2);
  assert.is(new Set(rows.map(({ kind }) => kind)).size, 3);
});

test("a bright pixel lands where stretch, flip, shear or rotation, and shift take it in this order", async () => {
  const images = new Float64Array(EXAMPLES * IMAGE).fill(SHAPE.background), spot = { x: 6, y: 1 };
  for (let row = 0; row < EXAMPLES; row++) images[row * IMAGE + (spot.y * SHAPE.width + spot.x) * 3] = 1;
  const x = await canvases(images, await drawn({ ...ALL, color: NONE.color }));
  for (let n = 0; n < BATCH; n++) {
    const sums = [0, 0, 0];
    canvasOf(x, n).forEach((value, i) => {
      const bright = value - SHAPE.background, pixel = Math.floor(i / 3);
      [bright, bright * (pixel % SHAPE.size), bright * Math.floor(pixel / SHAPE.size)].forEach((v, j) => sums[j]! += v);
    });
    const [right, down] = forward([spot.x - 3.5, spot.y - 2.5], drawnFor(ORDER[n]!, 3, ALL, AT));
    const found = [sums[1]! / sums[0]!, sums[2]! / sums[0]!], expected = [6 + 3.5 + right, 7 + 2.5 + down];
    const distance = Math.hypot(found[0]! - expected[0]!, found[1]! - expected[1]!);
    assert.ok(distance < 0.35, `image ${n}: at ${found}, expected ${expected}`);
  }
});

test("undistorted, on an evaluation or with the switch off, images lie in the middle bit by bit; zero past the end", async () => {
  const images = random(EXAMPLES * IMAGE, 5), first = EXAMPLES - 4;
  for (const distortions of [await drawn(null, { first }), await drawn(ALL, { first, distorting: 0 })]) {
    const x = await canvases(images, distortions, { first });
    for (let n = 0; n < BATCH; n++) {
      const image = n < 4 ? Float32Array.from(imageOf(images, ORDER[first + n]!)) : null;
      const expected = image && placed(image, [6, 8, 3], SHAPE);
      assert.equal(Array.from(canvasOf(x, n)), Array.from(expected ?? new Float32Array(CANVAS)), `image ${n}`);
    }
  }
});

test("an example draws the same wherever it is in the batch, and something else in another step or with another seed", async () => {
  const images = random(EXAMPLES * IMAGE, 6), row = 13;
  const moved = (place: number) => {
    const order = ORDER.slice();
    [order[order.indexOf(row)], order[place]] = [order[place]!, row];
    return order;
  };
  const seen = async (place: number, at: At = AT) => {
    const order = moved(place);
    return canvasOf(await canvases(images, await drawn(ALL, { order, at }), { order }), place);
  };
  const one = await seen(1);
  assert.equal(await seen(7), one);
  assert.equal(await seen(1), one, "the same again");
  for (const change of [{ step: AT.step + 1 }, { seed: AT.seed + 1 }, { stream: AT.stream + 1 }]) {
    assert.ok(relativeError(await seen(1, { ...AT, ...change }), one) > 0.05, JSON.stringify(change));
  }
});

test("data in several chunks give the same batch", async () => {
  const images = random(EXAMPLES * IMAGE, 7), distortions = await drawn(ALL, { first: 14 }), where = { first: 14 };
  const whole = await canvases(images, distortions, where);
  assert.equal(await canvases(images, distortions, where, 7), whole);
});

test("the draws are those of float64 and have the distributions of the definition", async () => {
  const count = 6000, order = Uint32Array.from({ length: count }, (_, i) => i), size = distortionSize(3);
  const distortion = { ...ALL, shift: 16 };
  const values = await drawn(distortion, { order }, count, count);
  const column = (at: number) => Float64Array.from({ length: count }, (_, n) => values[n * size + at]!);
  const rows = Array.from(order, (row) => drawnFor(row, 3, distortion, AT));
  const check = (what: string, at: number, expected: (drawn: Drawn) => number) => {
    const error = relativeError(column(at), rows.map(expected));
    assert.ok(error < 1e-5, `${what}: ${error}`);
  };
  check("shift x", 4, ({ shift }) => shift[0]);
  check("shift y", 5, ({ shift }) => shift[1]);
  for (const c of [0, 1, 2]) {
    check("offset", 6 + 4 * c, ({ color }) => color[c]!.offset);
    check("contrast", 7 + 4 * c, ({ color }) => color[c]!.contrast);
    check("gradient x", 8 + 4 * c, ({ color }) => color[c]!.gradientX);
    check("gradient y", 9 + 4 * c, ({ color }) => color[c]!.gradientY);
  }
  const near = (what: string, found: number, expected: number, deviation: number) =>
    assert.ok(Math.abs(found - expected) < 4 * deviation / Math.sqrt(count), `${what}: ${found}, expected ${expected}`);
  const share = (what: string, p: number, is: (drawn: Drawn) => boolean) =>
    near(what, rows.filter(is).length / count, p, Math.sqrt(p * (1 - p)));
  share("mirrored", 1 / 2, ({ mirror }) => mirror);
  for (const kind of ["shear x", "shear y", "rotation"] as const) share(kind, 1 / 3, (drawn) => drawn.kind === kind);
  for (const at of [-16, 0, 16]) share(`shift ${at}`, 1 / 33, ({ shift }) => shift[0] === at);
  const deviations = [0.25, 0.5, 0.125, 0.0625],
    normals = Array.from({ length: 12 }, (_, i) => {
      const deviation = deviations[i % 4]!;
      return column(6 + i).map((value) => value / deviation);
    });
  const mean = (list: ArrayLike<number>) => Array.from(list).reduce((sum, value) => sum + value, 0) / count;
  normals.forEach((list, i) => {
    near(`mean of draw ${i}`, mean(list), 0, 1);
    near(`variance of draw ${i}`, mean(list.map((value) => value ** 2)), 1, Math.sqrt(2));
    const other = normals[(i + 1) % 12]!;
    near(`draws ${i} and ${i + 1} correlate`, mean(list.map((value, n) => value * other[n]!)), 0, 1);
  });
  const uniform = (what: string, of: (drawn: Drawn) => number, range: number) => {
    const list = rows.map((row) => of(row) / range);
    near(`mean of ${what}`, mean(list), 0, Math.sqrt(1 / 3));
    near(`variance of ${what}`, mean(list.map((value) => value ** 2)), 1 / 3, Math.sqrt(1 / 5 - 1 / 9));
    assert.ok(Math.max(...list) <= 1 && Math.max(...list) > 0.99 && Math.min(...list) < -0.99, what);
  };
  uniform("stretch x", ({ stretch }) => stretch[0] - 1, 0.3);
  uniform("stretch y", ({ stretch }) => stretch[1] - 1, 0.3);
  uniform("shear or rotation", ({ amount }) => amount, 0.5);
});

test.run();
