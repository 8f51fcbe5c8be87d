import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DeviceArray, openCheckArrays } from "../../core/measure/compare_arrays.ts";
import { createBuffer } from "../../core/device/buffers.ts";
import { draw, key } from "../../core/graph/random.ts";
import { gpu } from "../_gpu.ts";

async function array(data: readonly number[] | Float32Array, dtype: "f32" | "u32" = "f32"): Promise<DeviceArray> {
  const context = await gpu(), words = dtype === "f32" ? Float32Array.from(data) : Uint32Array.from(data);
  const buffer = await createBuffer(context, "array", words.byteLength);
  context.device.queue.writeBuffer(buffer, 0, words);
  return { buffer, shape: [words.length], dtype };
}

async function contents({ buffer }: DeviceArray, count: number): Promise<ArrayBuffer> {
  const { device } = await gpu(), usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ size: 4 * count, usage }), encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, 4 * count);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const copy = staging.getMappedRange().slice(0);
  staging.destroy();
  return copy;
}

/** Enough for several workgroups and strides, and no multiple of anything. */
const COUNT = 300_001;

test("random values are the documented ones: another device must draw the same", async () => {
  const arrays = await openCheckArrays(await gpu()), filled = await array(new Float32Array(COUNT));
  await arrays.fill(filled, "random", 5);
  const values = new Float32Array(await contents(filled, COUNT)), k = key(5, 0, 0);
  assert.ok(values.every((value, i) => value === (draw(k, i) >>> 8) / 2 ** 23 - 1));
  await arrays.fill({ ...filled, dtype: "u32" }, "bits", 5);
  const bits = new Uint32Array(await contents(filled, COUNT));
  assert.ok(bits.every((value, i) => value === (draw(k, i) & 1)));
  await arrays.fill(filled, "word", 0x7fc0cafe);
  assert.ok(new Uint32Array(await contents(filled, COUNT)).every((word) => word === 0x7fc0cafe));
});

test("coded values are small integers, half of them 0, large only at the edges of an image", async () => {
  const arrays = await openCheckArrays(await gpu()), shape = [3, 7, 9, 5], count = 3 * 7 * 9 * 5;
  const filled = { ...await array(new Float32Array(count)), shape };
  await arrays.fill(filled, "coded", 2);
  const values = new Float32Array(await contents(filled, count));
  const zeros = values.filter((value) => value === 0).length / count;
  assert.ok(zeros > 0.4 && zeros < 0.75, `${zeros}`);
  let edges = 0;
  values.forEach((value, i) => {
    const x = Math.floor(i / 5) % 9, y = Math.floor(i / 45) % 7, edge = x === 0 || x === 8 || y === 0 || y === 6;
    assert.ok(Math.abs(value) <= (edge ? 64 : 4) && value % (edge ? 16 : 1) === 0, `${i}: ${value}`);
    edges += edge && value !== 0 ? 1 : 0;
  });
  assert.ok(edges > 20);
  arrays.destroy();
});

test("comparing sees relative and largest error, and what is not finite", async () => {
  const arrays = await openCheckArrays(await gpu()), base = Float32Array.from({ length: COUNT }, (_, i) => i % 3 - 1);
  const expected = await array(base), rms = Math.sqrt(base.reduce((sum, value) => sum + value * value, 0) / COUNT);
  assert.equal(await arrays.compare(await array(base), expected), { relative: 0, largest: 0, notFinite: 0 });
  const one = base.slice();
  one[COUNT - 1]! += 0.5;
  const wrong = await arrays.compare(await array(one), expected);
  assert.ok(Math.abs(wrong.largest - 0.5 / rms) < 1e-4);
  assert.ok(Math.abs(wrong.relative - 0.5 / rms / Math.sqrt(COUNT)) < 1e-5);
  one[17] = NaN;
  one[200_000] = -Infinity;
  assert.is((await arrays.compare(await array(one), expected)).notFinite, 2);
  const zeros = await array(new Float32Array(COUNT));
  assert.is((await arrays.compare(expected, zeros)).relative, Infinity);
  const words = Array.from({ length: 1000 }, (_, i) => i), other = words.map((word) => word === 999 ? 0 : word);
  const compared = await arrays.compare(await array(other, "u32"), await array(words, "u32"));
  assert.ok(Math.abs(compared.relative - Math.sqrt(1 / 1000)) < 1e-6);
});

test("projections move with errors, however small they are elsewhere", async () => {
  const arrays = await openCheckArrays(await gpu()), base = Float32Array.from({ length: COUNT }, (_, i) => i % 5 - 2);
  const { norm, projections, notFinite } = await arrays.project(await array(base));
  assert.is(notFinite, 0);
  assert.ok(Math.abs(norm / Math.sqrt(base.reduce((sum, value) => sum + value * value, 0)) - 1) < 1e-5);
  // Random signs: far from the sum of absolute values.
  for (const each of projections) assert.ok(Math.abs(each) < 6 * norm, `${each} of ${norm}`);
  const moved = await arrays.project(await array(base.map((value, i) => i === 5000 ? value + 0.01 * norm : value)));
  projections.forEach((each, k) => {
    assert.ok(Math.abs(Math.abs(moved.projections[k]! - each) / norm - 0.01) < 1e-4);
  });
});

test.run();
