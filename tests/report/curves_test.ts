import { test } from "uvu";
import * as assert from "uvu/assert";
import { epochAxis, formatTicks, niceStep, valueAxis } from "../../report/axis.ts";
import { curvesSvg, drawCurves } from "../../report/curves.ts";
import type { EpochMetrics } from "../../report/metrics.ts";

function run(epochs: number): EpochMetrics[] {
  return Array.from({ length: epochs }, (_, i) => ({
    epoch: i + 1,
    learningRate: i < 200 ? 0.05 : 0.005,
    trainLoss: 2 / (i + 1),
    trainError: 80 / (i + 1),
    testLoss: i % 2 === 1 ? 2.5 / (i + 1) : null,
    testError: i % 2 === 1 ? 90 / (i + 1) : null,
    imagesPerSecond: 12345.6,
    seconds: 4,
  }));
}
/** How many points each polyline of the drawing has: train and test loss, train and test error. */
function lengths(svg: string): number[] {
  return [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points]) =>
    points!.split(" ").filter(Boolean).length
  );
}

test("draws a PNG of 1200x480 with and without rows", async () => {
  for (const rows of [run(0), run(1), run(350)]) {
    const png = await drawCurves("allcnn-c", rows);
    const view = new DataView(png.buffer, png.byteOffset);
    assert.is(view.getUint32(0), 0x89504e47);
    assert.equal([view.getUint32(16), view.getUint32(20)], [1200, 480]);
  }
});

test("leaves out epochs without evaluation and values that are not finite", () => {
  const rows = run(10);
  rows[4] = { ...rows[4]!, trainLoss: NaN, trainError: NaN };
  rows[9] = { ...rows[9]!, testLoss: Infinity };
  const svg = curvesSvg("diverged", rows);
  assert.equal(lengths(svg), [9, 4, 9, 5]);
  assert.not.match(svg, /NaN|Infinity|null|undefined/);
  for (const row of [run(0), run(1), rows.slice(4, 5)]) assert.not.match(curvesSvg("", row), /NaN|Infinity|undefined/);
});

test("marks where the learning rate changes, but not a smooth schedule", () => {
  const marks = (rows: EpochMetrics[]) => curvesSvg("", rows).split("stroke-dasharray").length - 1;
  assert.is(marks(run(200)), 0);
  assert.is(marks(run(350)), 2); // one in each panel
  assert.is(marks(run(350).map((row) => ({ ...row, learningRate: 1 / row.epoch }))), 0);
});

test("prints the last values and escapes the title", () => {
  const svg = curvesSvg("a < b & c", run(350));
  for (const value of ["0.006", "0.007", "0.23 %", "0.26 %", "12,346 images/s", "a &lt; b &amp; c"]) {
    assert.ok(svg.includes(`>${value}<`) || svg.includes(` ${value}<`), value);
  }
});

test("puts ticks at round numbers", () => {
  assert.equal([0.0003, 0.46, 0.5, 1.2, 6, 10].map(niceStep).map(Number), [0.0005, 0.5, 0.5, 2, 10, 10]);
  assert.equal(formatTicks(valueAxis(2.3, 100, 0).ticks), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
  assert.equal(formatTicks(valueAxis(90, 100, 0).ticks), ["0", "20", "40", "60", "80", "100"]);
  assert.equal(formatTicks(valueAxis(7e7, 100, 0).ticks), ["0", "2e7", "4e7", "6e7", "8e7"]);
  assert.equal(epochAxis([1, 2, 350], 0, 100).ticks, [0, 50, 100, 150, 200, 250, 300, 350]);
  assert.equal(epochAxis([1], 0, 100).at(1), 50);
  assert.equal(valueAxis(90, 100, 0).at(100), 0);
});

test.run();
