import { test } from "uvu";
import * as assert from "uvu/assert";
import { elementwise, RANDOM } from "../../kernels/wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../../kernels/kernel.ts";
import { draw, hash, key, normals, permutation, streamOf, unit } from "../../core/graph/random.ts";
import { relativeError, runOp } from "../_gpu.ts";

/** Draws the number of each quadruple (seed, step, stream, index), as u32 and as uniform f32. */
const drawAll: Kernel<{ readonly count: number }, Fixed> = {
  name: "draw_all",
  tunings: () => FIXED,
  stages({ count }) {
    const shader = elementwise(
      count,
      `${RANDOM}
@group(0) @binding(0) var<storage, read> at: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> drawn: array<u32>;
@group(0) @binding(2) var<storage, read_write> units: array<f32>;`,
      `  let key = random_key(at[i].x, at[i].y, at[i].z);
  drawn[i] = random_u32(key, at[i].w);
  units[i] = random_unit(key, at[i].w);`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0), write(1)] }] };
  },
  cost: ({ count }) => ({ flops: 0, bytes: 24 * count }),
};

test("WGSL draws the numbers of core/graph/random.ts for any u32 seed, step, stream and index", async () => {
  const special = [0, 1, 2, 0x7fffffff, 0x80000000, 0x61c88646, 0x61c88647, 0xfffffffe, 0xffffffff];
  const quads = special.flatMap((a) =>
    special.flatMap((b) => [[a, b, 5, 6], [7, 8, a, b], [a, 9, 10, b], [b, a, b, a]])
  );
  for (let i = 0; i < 1000; i++) quads.push([0, 1, 2, 3].map((k) => draw(12345, 4 * i + k)));
  const count = quads.length;
  const reads = [{ shape: [count, 4], data: quads.flat(), dtype: "u32" as const }];
  const writes = [{ shape: [count], dtype: "u32" as const }, { shape: [count] }];
  const [drawn, units] = await runOp(drawAll, { count }, {}, { reads, writes });
  const wrong = quads.find(([seed, step, stream, index], i) => {
    const k = key(seed!, step!, stream!);
    return drawn![i] !== hash(seed!, step!, stream!, index!) || units![i] !== unit(k, index!);
  });
  assert.is(wrong, undefined);
  assert.ok(units!.every((value) => value >= 0 && value < 1));
});

test("the generator stays what it was: a change would silently break the resume of every checkpoint", () => {
  // Computed with Python integers from the definition in kernels/wgsl.ts.
  assert.equal([hash(0, 0, 0, 0), hash(1, 2, 3, 4), hash(0xffffffff, 0xfffffffe, 5, 0x80000000)], [
    2651656616,
    2643303294,
    3518601353,
  ]);
  assert.is(streamOf("a"), 0xe40c292c); // FNV-1a's published test vector
});

test("a permutation holds every number once, and depends on seed and epoch", () => {
  for (const count of [1, 2, 1000]) {
    const sorted = permutation(count, 7, 3).sort();
    assert.ok(sorted.every((value, i) => value === i), `${count}`);
  }
  const first = permutation(1000, 7, 3);
  const inPlace = (other: Uint32Array) => other.filter((value, i) => value === first[i]).length;
  assert.is(inPlace(permutation(1000, 7, 3)), 1000);
  // Two independent permutations agree in one place on average.
  for (const other of [permutation(1000, 7, 4), permutation(1000, 8, 3), first.slice().sort()]) {
    assert.ok(inPlace(other) < 8, `${inPlace(other)}`);
  }
});

test("every order of four is as likely as any other", () => {
  const epochs = 24_000, counts = new Map<string, number>();
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = permutation(4, 1, epoch).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.is(counts.size, 24);
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert.ok(chiSquare < 49.7, `chi-square ${chiSquare}`); // 23 degrees of freedom, p = 0.001
});

test("normals have mean 0, deviation 1 and the tails of the normal distribution", () => {
  const count = 100_000, values = normals(count, 1, 2);
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + value ** 2, 0) / count;
  const beyond = (limit: number) => values.filter((value) => Math.abs(value) > limit).length / count;
  assert.ok(values.every(Number.isFinite));
  assert.ok(Math.abs(mean) < 4 / Math.sqrt(count), `mean ${mean}`);
  assert.ok(Math.abs(variance - 1) < 4 * Math.sqrt(2 / count), `variance ${variance}`);
  assert.ok(Math.abs(beyond(1) - 0.3173) < 0.006, `beyond 1: ${beyond(1)}`);
  assert.ok(Math.abs(beyond(2) - 0.0455) < 0.003, `beyond 2: ${beyond(2)}`);
  const product = normals(count, 1, 3).reduce((sum, value, i) => sum + value * values[i]!, 0) / count;
  assert.ok(Math.abs(product) < 4 / Math.sqrt(count), `another stream correlates: ${product}`);
  assert.ok(relativeError(normals(10, 1, 2), values.slice(0, 10)) === 0);
});

test.run();
