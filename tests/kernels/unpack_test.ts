import { test } from "uvu";
import * as assert from "uvu/assert";
import { unpack, unpackLabels } from "../../kernels/data/unpack.ts";
import { random, relativeError, runOp } from "../_gpu.ts";

test("a part of a batch unpacks its images, whose bytes start anywhere in a word, and its labels", async () => {
  const size = 3 * 3 * 3, rows = 6, batch = 2;
  const bytes = Uint8Array.from(random(4 * Math.ceil(rows * size / 4)), (value) => 128 + 127 * value);
  const words = new Uint32Array(bytes.buffer), subtract = [10, 20.5, 30], divide = 64;
  const step = { shape: [4], data: [0, 0, 0, 3 * rows + 2], dtype: "u32" } as const; // the second part of the fourth batch
  const x = { shape: [batch, 3, 3, 3] };
  const problem = { batch, height: 3, width: 3, channels: 3, rows, subtract, divide };
  const [found] = await runOp(unpack, problem, {}, {
    reads: [{ shape: [words.length], data: words, dtype: "u32" }, step],
    writes: [x],
  });
  const expected = Array.from(bytes.subarray(2 * size, 4 * size), (value, i) => (value - subtract[i % 3]!) / divide);
  assert.ok(relativeError(found!, expected) < 1e-6);
  const [labels] = await runOp(unpackLabels, { batch, rows }, {}, {
    reads: [{ shape: [rows], data: [5, 6, 7, 8, 9, 10], dtype: "u32" }, step],
    writes: [{ shape: [batch], dtype: "u32" }],
  });
  assert.equal([...labels!], [7, 8]);
});

test.run();
