import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import type { Rule } from "../../core/graph/layer.ts";
import { sequential } from "../../layers/sequential.ts";
import { dropout } from "../../layers/dropout.ts";
import { convOf, INPUT, layers, network, trace } from "../_trace.ts";

test("evaluation has no dropout, neither forward nor backward: the layer hands on its input itself", () => {
  const { forward, backward } = trace(network, { mode: "eval", input: true });
  assert.not.ok([...forward.ops, ...backward.ops].some(({ kernel }) => kernel.name === "dropout"));
  assert.is(trace(layers[0]!, { mode: "eval", input: true }).forward.y.buffer.label, "x");
  assert.equal(trace(dropout("none", { rate: 0 }), { input: true }).ops, []);
});

test("the rule reaches every ReLU, and the deconvnet needs no activations of the forward pass", () => {
  for (const rule of ["gradient", "deconvnet", "guided"] as const) {
    const relus = trace(network, { rule, mode: "eval", withGrads: false, input: true }).ops
      .filter(({ kernel }) => kernel.name === "relu_pullback");
    assert.is(relus.length, 2);
    for (const { problem, reads } of relus) {
      assert.is((problem as { rule: Rule }).rule, rule);
      assert.is(reads.length, rule === "deconvnet" ? 1 : 2);
    }
  }
});

test("a shape that cannot work names the layer and the shape, what it needs and what it got", () => {
  const conv7 = convOf({ name: "conv7", channels: 192, kernel: 3, padding: "valid" });
  const expected = /Cannot apply conv "conv7" to \[128, 2, 9, 192\]: kernel 3x3 without padding.*>= 3, got 2x9/;
  for (const layer of [conv7, sequential("net", [dropout("dropout1", { rate: 0.5 }), conv7])]) {
    assert.throws(
      () => layer.init([128, 2, 9, 192]),
      (error: Error) => error instanceof UserError && expected.test(error.message),
    );
  }
  const wide = convOf({ name: "wide", channels: 2, kernel: [3, 5], padding: { top: 1 } });
  assert.throws(
    () => wide.init([1, 4, 4, 3]),
    /"wide" to \[1, 4, 4, 3\]: kernel 3x5 with padding \(1, 0, 0, 0\) needs height >= 2 and width >= 5, got 4x4$/,
  );
  assert.throws(
    () => conv7.init([128, 192]),
    (error: Error) => error instanceof UserError && /"conv7"/.test(error.message),
  );
  assert.throws(
    () => layers[2]!.init([128, 192]),
    (error: Error) => error instanceof UserError && /"pool1"/.test(error.message),
  );
});

test("conv: same, valid and numbers of padding give the sizes of the definition", () => {
  const cases = [
    [{ kernel: 3, padding: "same" }, 8],
    [{ kernel: 5, padding: "same" }, 8],
    [{ kernel: 2, padding: "same" }, 8],
    [{ kernel: 3, padding: "same", stride: 2 }, 4],
    [{ kernel: 5, padding: "same", stride: 2 }, 4],
    [{ kernel: 3, padding: "valid" }, 6],
    [{ kernel: 3 }, 6],
    [{ kernel: 3, padding: 2 }, 10],
    [{ kernel: 11, padding: 2, stride: 4 }, 1],
    [{ kernel: 1, stride: 2 }, 4],
    [{ kernel: [3, 3], padding: [1, 1], stride: [2, 2] }, 4],
    [{ kernel: 3, padding: { top: 1, left: 2, bottom: 1 } }, 8],
  ] as const;
  for (const [options, size] of cases) {
    assert.equal(
      convOf({ name: "conv1", channels: 7, ...options }).init(INPUT).output,
      [2, size, size, 7],
      JSON.stringify(options),
    );
  }
});

test.run();
