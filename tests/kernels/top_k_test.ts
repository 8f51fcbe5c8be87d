import { test } from "uvu";
import * as assert from "uvu/assert";
import { NO_LABEL } from "../../kernels/labels.ts";
import { EMPTY, topK } from "../../kernels/explain/top_k.ts";
import { random, runOp } from "../_gpu.ts";
import * as reference from "../_reference.ts";

const CHANNELS = 70, BATCH = 4; // two workgroups of channels
const u32 = { dtype: "u32" } as const;

interface Examples {
  readonly maxima: Float64Array;
  readonly positions: Uint32Array;
  readonly counts: readonly boolean[];
}

/** Eighths, below zero too, so that there are ties; nothing is above the 0 of a forgotten start in channel 0. */
function examples(count: number): Examples {
  const maxima = random(count * CHANNELS, 3).map((value, i) =>
    Math.round(8 * value) / 8 - (i % CHANNELS === 0 ? 2 : 0)
  );
  return { maxima, positions: Uint32Array.from(maxima, (_, i) => (7 * i) % 50), counts: Array(count).fill(true) };
}

/** The lists after the batches that start at `order`, each read back and handed on. */
async function lists({ maxima, positions, counts }: Examples, k: number, order: readonly number[]) {
  let values = new Float64Array(CHANNELS * k), entries = new Float64Array(CHANNELS * k * 2).fill(EMPTY);
  for (const first of order) {
    const rows = (data: Float64Array | Uint32Array) => {
      const batch = new Float64Array(BATCH * CHANNELS).fill(99); // padding that would win
      batch.set(data.subarray(first * CHANNELS, (first + BATCH) * CHANNELS));
      return batch;
    };
    const labels = Array.from({ length: BATCH }, (_, n) => counts[first + n] ? 3 : NO_LABEL);
    const reads = [
      { shape: [BATCH, CHANNELS], data: rows(maxima) },
      { shape: [BATCH, CHANNELS], data: rows(positions), ...u32 },
      { shape: [BATCH], data: labels, ...u32 },
      { shape: [4], data: [0, 0, 0, first], ...u32 },
    ];
    const writes = [
      { shape: [CHANNELS, k], data: values },
      { shape: [CHANNELS, k, 2], data: entries, ...u32 },
    ];
    const results = await runOp(topK, { batch: BATCH, channels: CHANNELS, k }, {}, { reads, writes });
    [values, entries] = results as [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>];
  }
  return Array.from(
    { length: CHANNELS },
    (_, c) =>
      Array.from({ length: k }, (_, j) => c * k + j).filter((i) => entries[2 * i] !== EMPTY).map((i) => ({
        value: values[i],
        example: entries[2 * i],
        position: entries[2 * i + 1],
      })),
  );
}

const expected = ({ maxima, positions, counts }: Examples, k: number) =>
  reference.topK(maxima, positions, counts, { channels: CHANNELS, k });

for (const k of [1, 3, 13]) {
  test(`top_k: the ${k} largest of 10 examples in batches of 4, ties to the lower example`, async () => {
    const all = examples(10);
    assert.equal(await lists(all, k, [0, 4, 8]), expected(all, k));
  });
}

test("top_k: the order of the batches makes no difference", async () => {
  const all = examples(12);
  assert.equal(await lists(all, 3, [8, 0, 4]), expected(all, 3));
});

test("top_k: examples without a label and maxima that are no numbers are left out, infinities are not", async () => {
  const { maxima, positions, counts } = examples(8);
  const odd = maxima.map((value, i) => i % 9 === 0 ? NaN : i % 11 === 0 ? Infinity : i % 13 === 0 ? -Infinity : value);
  const all = { maxima: odd, positions, counts: counts.map((_, n) => n !== 2 && n !== 5) };
  for (const k of [3, 8]) assert.equal(await lists(all, k, [0, 4]), expected(all, k));
});

test.run();
