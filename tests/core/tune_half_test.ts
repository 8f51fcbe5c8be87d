/** What the tuner measures and checks in half precision. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { convForward } from "../../kernels/conv/conv_forward.ts";
import { PLAIN_PRODUCT } from "../../kernels/conv/families/direct.ts";
import { type Stages, write } from "../../kernels/kernel.ts";
import { type CheckArrays, type DeviceArray, openCheckArrays } from "../../core/measure/compare_arrays.ts";
import { op } from "../../core/graph/op.ts";
import { createBuffer } from "../../core/device/buffers.ts";
import { draw, key } from "../../core/graph/random.ts";
import { elements, type Shape, tensor } from "../../core/graph/tensor.ts";
import { openBench } from "../../core/tune/tune_bench.ts";
import { recheck } from "../../core/tune/tune_recheck.ts";
import { gpu } from "../_gpu.ts";
import { pack, unpacked } from "../_float16.ts";
import { halfTest } from "../kernels/_half.ts";

const NEVER = () => false;

/** An array of f16 with these numbers, and NaN in the half word that an odd number of them leaves. */
async function array(data: ArrayLike<number>, shape: Shape = [data.length]): Promise<DeviceArray> {
  const context = await gpu(), words = pack(data);
  if (data.length % 2 === 1) words[words.length - 1]! |= 0x7e00_0000;
  const buffer = await createBuffer(context, "array", words.byteLength);
  context.device.queue.writeBuffer(buffer, 0, words);
  return { buffer, shape, dtype: "f16" };
}

async function filled(arrays: CheckArrays, shape: Shape, pattern: "random" | "coded", seed: number) {
  const { device } = await gpu(), count = elements(shape), size = 4 * Math.ceil(count / 2);
  const target = await array(new Float32Array(count), shape);
  await arrays.fill(target, pattern, seed);
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(target.buffer, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const values = unpacked(new Uint32Array(staging.getMappedRange()), count);
  staging.destroy();
  return values;
}

test("f16: random and coded values are those of float32's patterns, on a grid that f16 holds", async () => {
  const arrays = await openCheckArrays(await gpu()), k = key(5, 0, 0);
  const random = await filled(arrays, [100_001], "random", 5);
  assert.ok(random.every((value, i) => value === (draw(k, i) >>> 21) / 1024 - 1));
  const coded = await filled(arrays, [3, 7, 9, 5], "coded", 2), zeros = coded.filter((value) => value === 0).length;
  assert.ok(zeros > 0.4 * coded.length && zeros < 0.75 * coded.length, `${zeros}`);
  coded.forEach((value, i) => {
    const x = Math.floor(i / 5) % 9, y = Math.floor(i / 45) % 7, edge = x === 0 || x === 8 || y === 0 || y === 6;
    assert.ok(Math.abs(value) <= (edge ? 4 : 0.25) && value % (edge ? 1 : 1 / 16) === 0, `${i}: ${value}`);
  });
  arrays.destroy();
});

test("f16: comparing and projecting see errors and what is not finite, and leave out the half word behind", async () => {
  const arrays = await openCheckArrays(await gpu()), count = 30_001;
  const base = Float32Array.from({ length: count }, (_, i) => i % 5 - 2), norm = Math.hypot(...base);
  const expected = await array(base);
  assert.equal(await arrays.compare(await array(base), expected), { relative: 0, largest: 0, notFinite: 0 });
  const projected = await arrays.project(expected);
  assert.is(projected.notFinite, 0);
  assert.ok(Math.abs(projected.norm / norm - 1) < 1e-5);
  const wrong = base.map((value, i) => i === count - 1 || i === 5000 ? value + 256 : value), moved = await array(wrong);
  const { relative, largest } = await arrays.compare(moved, expected);
  assert.ok(
    Math.abs(relative - 256 * Math.SQRT2 / norm) < 1e-4 && Math.abs(largest - 256 / norm * Math.sqrt(count)) < 1,
  );
  const shifts = (await arrays.project(moved)).projections.map((each, i) => Math.abs(each - projected.projections[i]!));
  assert.ok(shifts.every((shift) => Math.min(shift, Math.abs(shift - 512)) < 0.1), shifts.join());
  const words = new Uint32Array(Math.ceil(count / 2)).fill(0x7fc0_7eca), { device } = await gpu();
  device.queue.writeBuffer(moved.buffer, 0, words);
  assert.is((await arrays.compare(moved, expected)).notFinite, count);
  assert.is((await arrays.project(moved)).notFinite, count);
  arrays.destroy();
});

halfTest(
  "f16: the bench times what is right and rejects what is wrong or unwritten, also of an odd number",
  async () => {
    const shape = { batch: 1, height: 5, width: 5, inChannels: 4, outHeight: 5, outWidth: 5, outChannels: 7 };
    const problem = { ...shape, kernel: 3, stride: 1, padding: 1, dtype: "f16", bias: true, slope: 0 } as const;
    const f16 = (label: string, shape: Shape) => tensor(label, shape, { dtype: "f16" });
    const reads = [f16("x", [1, 5, 5, 4]), f16("w", [3, 3, 4, 7]), tensor("b", [7])], writes = [f16("y", [1, 5, 5, 7])];
    const context = await gpu(), conv = op(convForward, problem, { label: "conv", reads, writes });
    const other = { ...PLAIN_PRODUCT, rows: 8 }, right = convForward.stages(problem, other);
    const then = (body: string): Stages => ({
      scratch: [],
      dispatches: [...right.dispatches, {
        shader: {
          code: `enable f16;
@group(0) @binding(0) var<storage, read_write> y: array<f16>;
@compute @workgroup_size(1) fn main() { ${body} }`,
          workgroups: [1, 1, 1],
        },
        bindings: [write(0)],
      }],
    });
    const bench = await openBench(context, conv, NEVER), { expected } = bench;
    assert.equal(expected.inPlace, [false]);
    assert.is((await bench.attempt(right, NEVER)).status, "timed");
    const wrong = then("y[173] += 0.5h;"),
      missing: Stages = { scratch: [], dispatches: then("y[0] = y[0];").dispatches.slice(1) };
    const reasons = [];
    for (const stages of [wrong, missing]) {
      const attempt = await bench.attempt(stages, NEVER);
      reasons.push(attempt.status === "rejected" ? attempt.reason : attempt.status);
    }
    assert.match(reasons[0]!, /^computes y wrong on random inputs: relative error /);
    assert.is(reasons[1], "leaves 175 values of y unwritten or not finite");
    bench.close(null);
    assert.is(await recheck(context, conv, right, expected), null);
    assert.match(
      (await recheck(context, conv, then("y[173] += 64.0h;"), expected))!,
      /^computes y with a relative error/,
    );
  },
);

test.run();
