import { test } from "uvu";
import * as assert from "uvu/assert";
import { clipNormOps } from "../../core/graph/clip_ops.ts";
import { arena } from "../../core/graph/arena.ts";
import { lossScaleTensor, writeLossScale } from "../../core/device/loss_scale_buffer.ts";
import { compile, run } from "../../core/device/plan.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { readTensor, writeTensor } from "../../core/device/transfer.ts";
import { gpu, random, relativeError } from "../_gpu.ts";

/** The gradients of two tensors in two chunks, clipped; numbers of the device and of float64. */
async function clipped(clipNorm: number, scale: number | null) {
  const context = await gpu(), buffers = new Map();
  const specs = Object.fromEntries(
    ["a", "b"].map((name) => [name, { shape: [50, 37], init: { constant: 0 } }]),
  );
  const grads = arena("grads", specs, { bindingBytes: 7600 }), lossScale = scale === null ? null : lossScaleTensor();
  assert.is(grads.chunks.length, 2);
  if (scale !== null) await writeLossScale(context, buffers, lossScale!, { scale, good: 0, skipped: 0 });
  const values = grads.chunks.map((_, index) => random(1850, index + 1).map((value) => value * (scale ?? 1)));
  const padded = ({ shape }: { shape: readonly number[] }, data: Float64Array) => {
    const all = new Float32Array(shape[0]!);
    all.set(data);
    return all;
  };
  for (const [index, chunk] of grads.chunks.entries()) {
    await writeTensor(context, buffers, chunk, padded(chunk, values[index]!));
  }
  const plan = await compile(
    context,
    { ops: clipNormOps(grads.chunks, clipNorm, lossScale), keep: [] },
    defaultTuner(context.limits),
    buffers,
  );
  run(context, plan);
  const found = await Promise.all(grads.chunks.map((chunk) => readTensor(context, buffers, chunk)));
  plan.destroy();
  buffers.forEach((buffer) => buffer.destroy());
  const norm = Math.sqrt(values.flatMap((each) => Array.from(each)).reduce((sum, value) => sum + value ** 2, 0));
  const factor = Math.min(1, clipNorm * (scale ?? 1) / norm);
  return { found: found.map((each) => Float64Array.from(each.subarray(0, 1850))), values, factor };
}

test("a norm over all chunks is clipped; one below stays to the bit; a loss scale does not count", async () => {
  for (const [clipNorm, scale] of [[1, null], [3.5, 1024], [1e6, null], [1e6, 512]] as const) {
    const { found, values, factor } = await clipped(clipNorm, scale);
    assert.is(factor < 1, clipNorm < 1e6);
    found.forEach((each, index) => {
      const expected = values[index]!.map((value) => value * factor);
      if (factor === 1) assert.equal(each, expected);
      else assert.ok(relativeError(each, expected) < 1e-6, `clipNorm ${clipNorm}, scale ${scale}`);
    });
  }
});

test.run();
