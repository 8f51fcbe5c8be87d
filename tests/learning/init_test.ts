import { test } from "uvu";
import * as assert from "uvu/assert";
import { initialParams } from "../../learning/initial_values/mod.ts";
import { conv } from "../../layers/conv.ts";

const { params } = conv("conv1", { channels: 96, kernel: 3, initialBias: 1 }).init([1, 8, 8, 24]);
const deviationOf = (values: Float32Array) =>
  Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);

test("initial weights have the deviation of their rule: fan-in 9 * 24, fan-out 9 * 96", () => {
  const rules = [
    [{ heNormal: {} }, 2 / 216],
    [{ heNormal: { fan: "out" } }, 2 / 864],
    [{ glorotNormal: {} }, 2 / 1080],
  ] as const;
  for (const [rule, variance] of rules) {
    const { w, b } = initialParams(params, 3, rule), found = deviationOf(w!) / Math.sqrt(variance);
    assert.ok(Math.abs(found - 1) < 0.01, `${found} times the expected deviation of ${w!.length} weights`);
    assert.equal(b, new Float32Array(96).fill(1));
  }
});

test.run();
