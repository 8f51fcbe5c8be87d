import { test } from "uvu";
import * as assert from "uvu/assert";
import { chooseUnit, MOST_ACTIVE, unitMaxima, unitSignal } from "../../kernels/explain/unit_signal.ts";
import { random, runOp } from "../_gpu.ts";

const p = { batch: 3, positions: 6, channels: 5 };
const yShape = [3, 2, 3, 5], u32 = { dtype: "u32" } as const;

/** Quarters, all negative: there are ties, and nothing is above the 0 of a forgotten start. */
const y = random(90, 7).map((value) => Math.floor(value * 3) / 4 - 2);
const at = (n: number, position: number, c: number) => y[(n * 6 + position) * 5 + c]!;

function maximaOf(n: number, c: number): { value: number; position: number } {
  const values = Array.from({ length: 6 }, (_, position) => at(n, position, c)), value = Math.max(...values);
  return { value, position: values.indexOf(value) };
}

const expected = Array.from({ length: 15 }, (_, i) => maximaOf(Math.floor(i / 5), i % 5));

test("unit_maxima: the largest activation of each channel and the first position that has it", async () => {
  const writes = [{ shape: [3, 5] }, { shape: [3, 5], ...u32 }];
  const [values, positions] = await runOp(unitMaxima, p, {}, { reads: [{ shape: yShape, data: y }], writes });
  assert.equal([...values!], expected.map(({ value }) => value));
  assert.equal([...positions!], expected.map(({ position }) => position));
});

test("choose_unit: a unit, a position, both, or whatever is the most active", async () => {
  const largest = (values: readonly number[]) => values.indexOf(Math.max(...values));
  const channels = [0, 1, 2, 3, 4];
  const first = largest(channels.map((c) => expected[c]!.value)), third = largest(channels.map((c) => at(2, 3, c)));
  const cases = [
    [MOST_ACTIVE, MOST_ACTIVE, first, expected[first]!.position, expected[first]!.value],
    [4, MOST_ACTIVE, 4, expected[9]!.position, expected[9]!.value],
    [MOST_ACTIVE, 3, third, 3, at(2, 3, third)],
  ];
  const reads = [
    { shape: yShape, data: y },
    { shape: [3, 5], data: expected.map(({ value }) => value) },
    { shape: [3, 5], data: expected.map(({ position }) => position), ...u32 },
    { shape: [3, 2], data: cases.flatMap(([unit, position]) => [unit!, position!]), ...u32 },
  ];
  const writes = [{ shape: [3, 2], ...u32 }, { shape: [3] }];
  const [chosen, activations] = await runOp(chooseUnit, p, {}, { reads, writes });
  assert.equal([...chosen!], cases.flatMap(([, , unit, position]) => [unit, position]));
  assert.equal([...activations!], cases.map(([, , , , value]) => value));
});

test("unit_signal: 1 at the chosen unit of each example, 0 elsewhere", async () => {
  const reads = [{ shape: [3, 2], data: [4, 0, 0, 5, 2, 3], ...u32 }];
  const [dy] = await runOp(unitSignal, p, {}, { reads, writes: [{ shape: yShape, data: y }] });
  const ones = [...dy!.entries()].filter(([, value]) => value !== 0);
  assert.equal(ones, [[4, 1], [30 + 5 * 5, 1], [60 + 3 * 5 + 2, 1]]);
});

test.run();
