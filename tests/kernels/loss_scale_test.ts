/** The loss scale: found overflows, skipped updates, and what becomes of the scale. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkFinite, updateScale } from "../../kernels/train/loss_scale.ts";
import { sgdUpdate } from "../../kernels/train/sgd.ts";
import { softmaxCrossEntropy } from "../../kernels/train/softmax_cross_entropy.ts";
import { encodeStep } from "../../core/graph/step_data.ts";
import { random, relativeError, runOp } from "../_gpu.ts";

const u32 = "u32" as const;
const bitsOf = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]!;

/** The buffer, by numbers. */
const scaleOf = (scale: number, good = 0, skipped = 0, overflow = 0) => ({
  shape: [4],
  dtype: u32,
  data: [bitsOf(scale), good, skipped, overflow],
});

/** The buffer after updateScale, as [scale, good, skipped, overflow]. */
async function updated(...before: Parameters<typeof scaleOf>): Promise<number[]> {
  const [after] = await runOp(updateScale, {}, {}, { reads: [], writes: [scaleOf(...before)] });
  return [new Float32Array(Uint32Array.of(after![0]!).buffer)[0]!, ...after!.slice(1)];
}

test("check_finite: raises the flag for an infinite element or NaN anywhere, and for nothing else", async () => {
  const count = 130;
  for (
    const [bits, overflow] of [
      [0x7f800000, 1], // infinity
      [0xff800000, 1],
      [0x7fc00000, 1], // NaN
      [0xffc00001, 1],
      [0x7f7fffff, 0], // the largest number
      [0x00000001, 0], // the smallest
      [0x80000000, 0], // -0
    ] as const
  ) {
    for (const at of [0, 64, count - 1]) {
      const data = Uint32Array.from(random(count), bitsOf);
      data[at] = bits;
      const reads = [{ shape: [count], data, dtype: u32 }];
      const [after] = await runOp(checkFinite, { count }, {}, { reads, writes: [scaleOf(256, 3, 1)] });
      assert.equal([...after!], [bitsOf(256), 3, 1, overflow], `bits ${bits.toString(16)} at ${at}`);
    }
  }
});

test("update_scale: halved after an overflow, doubled after 2000 good steps, both within bounds", async () => {
  assert.equal(await updated(65536, 7, 2, 1), [32768, 0, 3, 0]);
  assert.equal(await updated(65536, 7, 2, 0), [65536, 8, 2, 0]);
  assert.equal(await updated(65536, 1999, 2, 0), [131072, 0, 2, 0]);
  assert.equal(await updated(1, 5, 0, 1), [1, 0, 1, 0]);
  assert.equal(await updated(2 ** 24, 1999, 0, 0), [2 ** 24, 0, 0, 0]);
});

for (const clear of [false, true]) {
  const how = clear ? "sums that are cleared" : "gradients";
  test(`sgd: ${how} divided by the scale give the update without it; after an overflow nothing changes`, async () => {
    const count = 70, constants = { momentum: 0.9, weightDecay: 0.125, clear }, scale = 1024;
    const vector = (data: ArrayLike<number>) => ({ shape: [count], data });
    const words = encodeStep({ step: 0, seed: 0, learningRate: 0.5, first: 0 }),
      step = { shape: [4], dtype: u32, data: words };
    const w = random(count, 1), v = random(count, 2), g = random(count, 3);
    const update = async (gradients: ArrayLike<number>, scaled: boolean, overflow = 0) => {
      const reads = [...(clear ? [] : [vector(gradients)]), step, ...(scaled ? [scaleOf(scale, 0, 0, overflow)] : [])];
      const writes = [vector(w), vector(v), ...(clear ? [vector(gradients)] : [])];
      const problem = { count, ...constants, ...(scaled ? { scaled: true as const } : {}) };
      return await runOp(sgdUpdate, problem, {}, { reads, writes });
    };
    const [params, velocity] = await update(g, false);
    const [scaledParams, scaledVelocity, cleared] = await update(g.map((value) => scale * value), true);
    assert.ok(relativeError(scaledParams!, params!) < 1e-6 && relativeError(scaledVelocity!, velocity!) < 1e-6);
    const infinite = g.map((value, i) => i === 69 ? Infinity : value);
    const [keptParams, keptVelocity, clearedToo] = await update(infinite, true, 1);
    assert.equal(keptParams, w);
    assert.equal(keptVelocity, v);
    for (const sums of clear ? [cleared!, clearedToo!] : []) assert.ok(sums.every((value) => value === 0));
  });
}

test("softmax_cross_entropy: the loss scale multiplies the gradient, and nothing else", async () => {
  const batch = 5, classes = 10, logits = random(batch * classes);
  const run = async (scaled: boolean) => {
    const reads = [{ shape: [batch, classes], data: logits }, {
      shape: [batch],
      data: [1, 2, 3, 4, 0xffffffff],
      dtype: u32,
    }];
    const gradient = { examples: batch, ...(scaled ? { scaled: true as const } : {}) };
    return await runOp(softmaxCrossEntropy, { batch, classes, gradient }, {}, {
      reads: scaled ? [...reads, scaleOf(4096)] : reads,
      writes: [{ shape: [batch, 4] }, { shape: [batch, classes] }],
    });
  };
  const [results, dlogits] = await run(false), [same, scaled] = await run(true);
  assert.equal(same, results);
  assert.equal(scaled, dlogits!.map((value) => 4096 * value));
});

test.run();
