import { test } from "uvu";
import * as assert from "uvu/assert";
import { gather, gatherLabels, type GatherProblem } from "../../kernels/data/gather.ts";
import { NO_LABEL } from "../../kernels/labels.ts";
import { draw, key, permutation } from "../../core/graph/random.ts";
import { encodeStep } from "../../core/graph/step_data.ts";
import { random, relativeError, runOp } from "../_gpu.ts";

const AT = { seed: 0xdeadbeef, step: 12345 };
const stepOf = (first: number) =>
  ({ shape: [4], data: encodeStep({ ...AT, learningRate: 0.1, first }), dtype: "u32" }) as const;

type Geometry = Pick<GatherProblem, "batch" | "height" | "width" | "channels" | "places" | "augment">;

/** One batch out of a data set in chunks of `rows` examples, the dispatches in the order `chunks`. */
async function batchOf(
  p: Geometry,
  { images, order, first, rows, chunks }: {
    images: Float64Array;
    order: Uint32Array;
    first: number;
    rows: number;
    chunks: readonly number[];
  },
): Promise<Float64Array> {
  const shape = [p.batch, p.height, p.width, p.channels], example = p.height * p.width * p.channels;
  let x = new Float64Array(p.batch * example).fill(99); // what an element that nobody writes keeps
  for (const index of chunks) {
    const chunk = { first: index * rows, rows: Math.min(rows, p.places - index * rows) };
    const part = images.slice(chunk.first * example, (chunk.first + chunk.rows) * example);
    const reads = [
      { shape: [part.length], data: part },
      { shape: [p.places], data: order, dtype: "u32" as const },
      stepOf(first),
    ];
    [x] = await runOp(gather, { ...p, chunk }, {}, { reads, writes: [{ shape, data: x }] }) as [typeof x];
  }
  return x;
}

const PLAIN: Geometry = { batch: 4, height: 2, width: 3, channels: 2, places: 7, augment: null };

for (const first of [0, 4]) {
  test(`gather: the batch at ${first} follows the order, through one chunk or two, zero past the end`, async () => {
    const images = random(7 * 12), order = permutation(7, 1, 2);
    const expected = Array.from(
      { length: 4 },
      (_, n) =>
        first + n < 7 ? [...images.slice(order[first + n]! * 12, (order[first + n]! + 1) * 12)] : new Array(12).fill(0),
    );
    assert.ok(order.slice(0, 4).some((row) => row < 4) && order.slice(0, 4).some((row) => row >= 4)); // both chunks
    for (const [rows, chunks] of [[7, [0]], [4, [0, 1]], [4, [1, 0]], [3, [0, 1, 2]]] as const) {
      const x = await batchOf(PLAIN, { images, order, first, rows, chunks });
      assert.is(relativeError(x, expected.flat()), 0, `chunks of ${rows} rows, ${chunks.join()}`);
    }
  });
}

test("gather_labels: labels follow the order, NO_LABEL past the end", async () => {
  const labels = [10, 11, 12, 13, 14, 15, 16], order = permutation(7, 1, 2);
  const reads = [
    { shape: [7], data: labels, dtype: "u32" as const },
    { shape: [7], data: order, dtype: "u32" as const },
    stepOf(4),
  ];
  const writes = [{ shape: [5], dtype: "u32" as const }];
  const [batch] = await runOp(gatherLabels, { batch: 5, places: 7 }, {}, { reads, writes });
  assert.equal([...batch!], [...[4, 5, 6].map((at) => labels[order[at]!]), NO_LABEL, NO_LABEL]);
});

/** Pads the image with zeros, takes the chunk at (down, right) of the padded one, and mirrors it. */
function augmented(image: Float64Array, side: number, channels: number, pad: number, at: ReturnType<typeof drawnFor>) {
  const wide = side + 2 * pad, padded = new Float64Array(wide * wide * channels);
  const view = new Float64Array(image.length);
  for (let y = 0; y < side; y++) {
    padded.set(image.slice(y * side * channels, (y + 1) * side * channels), ((y + pad) * wide + pad) * channels);
  }
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const from = ((y + at.down) * wide + at.right + (at.mirror ? side - 1 - x : x)) * channels;
      view.set(padded.slice(from, from + channels), (y * side + x) * channels);
    }
  }
  return view;
}

/** What example n of the epoch draws. */
function drawnFor(n: number, { pad, flip, stream }: NonNullable<GatherProblem["augment"]>) {
  const k = key(AT.seed, AT.step, stream);
  return {
    down: draw(k, 3 * n) % (2 * pad + 1),
    right: draw(k, 3 * n + 1) % (2 * pad + 1),
    mirror: flip && draw(k, 3 * n + 2) % 2 === 1,
  };
}

for (const [pad, flip] of [[5, true], [5, false], [0, true]] as const) {
  test(`gather: pad ${pad}${flip ? " and flip" : ""} gives the chunks of the plain reference`, async () => {
    const batch = 64, side = 6, channels = 2, places = 70, augment = { pad, flip, stream: 0x80000001 };
    const p = { batch, height: side, width: side, channels, places, augment };
    const example = side * side * channels, images = random(places * example, 4), order = permutation(places, 3, 0);
    const drawn = Array.from({ length: batch }, (_, n) => drawnFor(n + 2, augment));
    assert.is(new Set(drawn.map(({ mirror }) => mirror)).size, flip ? 2 : 1);
    assert.is(new Set(drawn.map(({ down }) => down)).size, 2 * pad + 1, "every shift is drawn");
    assert.is(new Set(drawn.map(({ right }) => right)).size, 2 * pad + 1, "every shift is drawn");
    const expected = drawn.flatMap((at, n) => {
      const row = order[n + 2]!;
      return [...augmented(images.slice(row * example, (row + 1) * example), side, channels, pad, at)];
    });
    const x = await batchOf(p, { images, order, first: 2, rows: 40, chunks: [0, 1] });
    assert.is(relativeError(x, expected), 0);
  });
}

test.run();
