import { test } from "uvu";
import * as assert from "uvu/assert";
import { type OpFigures, opTable, stepSummary } from "../../report/op_table.ts";

const PEAKS = { flopsPerSecond: 100e9, bytesPerSecond: 10e9 };
const single = (label: string, seconds: number, flops: number, bytes: number): OpFigures => (
  { label, seconds, flops, bytes, dispatches: [{ name: label, seconds }] }
);
const OPS: OpFigures[] = [
  single("relu", 0.001, 0, 5e6),
  {
    ...single("conv/dw", 0.004, 200e6, 2e6),
    dispatches: [{ name: "conv/dw #1", seconds: 0.003 }, { name: "conv/dw #2", seconds: 0.001 }],
  },
  single("tiny", 0, 0, 0),
];

/** Lines as cells: columns are parted by two blanks or more. */
const cells = (text: string) => text.split("\n").map((line) => line.trim().split(/ {2,}/));

test("slowest first, dispatches below their op; rates, shares of the peaks, bound and floor", () => {
  assert.equal(cells(opTable(OPS, PEAKS)).slice(1), [
    ["conv/dw", "4.000", "80.0 %", "50.0", "50.0 %", "0.5", "5.0 %", "compute", "50.0 %"],
    ["conv/dw #1", "3.000", "60.0 %"],
    ["conv/dw #2", "1.000", "20.0 %"],
    ["relu", "1.000", "20.0 %", "0.0", "0.0 %", "5.0", "50.0 %", "memory", "50.0 %"],
    ["tiny", "0.000", "0.0 %", "-", "-", "-", "-", "memory", "-"],
  ]);
});

test("columns are aligned", () => {
  const lines = opTable(OPS, PEAKS).split("\n"), full = lines.filter((line) => cells(line)[0]!.length === 9);
  assert.is(full.length, 4);
  assert.is(new Set(full.map((line) => line.length)).size, 1);
});

test("the step: ops one by one against one pass, and that against the floor", () => {
  const summary = stepSummary(OPS, PEAKS, 0.0055);
  assert.match(summary, "5.000 ms; in one pass, as training runs them: 5.500 ms (+10.0 %)");
  assert.match(summary, "2.500 ms; it takes 2.20 times that");
  assert.match(stepSummary(OPS, PEAKS, 0.0045), "(-10.0 %)");
});

test.run();
