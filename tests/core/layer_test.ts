import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { sequential } from "../../layers/sequential.ts";
import type { Op } from "../../core/graph/op.ts";
import { conv1, conv2, described, INPUT, labels, layers, network, trace } from "../_trace.ts";

test("sequential prefixes parameters and labels with the names of its layers, backward in reverse order", () => {
  const { specs, output, forward, backward } = trace(network);
  assert.equal(Object.keys(specs), ["conv1/w", "conv1/b", "conv2/w", "conv2/b"]);
  assert.equal(specs["conv1/w"], { shape: [3, 3, 3, 4], init: { fanIn: 27, fanOut: 36 } });
  assert.equal(output, [2, 1, 1, 5]);
  assert.equal(forward.y.shape, output);
  assert.equal(labels(forward.ops), [
    "dropout1/forward",
    "conv1/forward",
    "pool1/forward",
    "conv2/forward",
    "globalAveragePool/forward",
  ]);
  assert.equal(labels(backward.ops), [
    "globalAveragePool/dx",
    ...["conv2/activation", "conv2/dw", "conv2/dx"],
    "pool1/dx",
    ...["conv1/activation", "conv1/dw"],
  ]);
});

test("a program is connected: every op reads the input, a parameter or what an earlier op wrote", () => {
  for (const [mode, input] of [["train", false], ["train", true], ["eval", true]] as const) {
    const { ops, specs, backward } = trace(network, { mode, input });
    const known = new Set(["x", "dy", "step", ...Object.keys(specs)]);
    const written = new Set<unknown>();
    for (const { label, reads, writes } of ops) {
      for (const { buffer } of reads) {
        assert.ok(written.has(buffer) || known.has(buffer.label), `${label} ${buffer.label}`);
      }
      for (const { buffer } of writes) written.add(buffer);
    }
    assert.is(backward.dx === null, !input);
    if (backward.dx !== null) assert.ok(written.has(backward.dx.buffer));
  }
});

test("every gradient is written exactly once, and only where gradients are wanted", () => {
  const { ops, grads } = trace(network);
  for (const [name, { buffer }] of Object.entries(grads)) {
    assert.is(ops.filter(({ writes }) => writes.some((tensor) => tensor.buffer === buffer)).length, 1, name);
  }
  assert.not.ok(labels(trace(network, { withGrads: false, input: true }).ops).some((label) => /\/d[wb]$/.test(label)));
});

test("the first layers compute no gradient of the input unless it is wanted", () => {
  const wanted = labels(trace(network, { input: true }).backward.ops);
  assert.equal(wanted.slice(-2), ["conv1/dx", "dropout1/dx"]);
  const unwanted = labels(trace(network).backward.ops);
  assert.not.ok(unwanted.includes("conv1/dx") || unwanted.includes("dropout1/dx"));
  assert.equal(trace(network, { withGrads: false }).backward.ops, []);
});

test("a network may be a layer of another: prefixes add up, and the rest stays the same", () => {
  const nested = sequential("outer", [sequential("stem", layers.slice(0, 2)), sequential("top", layers.slice(2))]);
  const flat = sequential("flat", layers);
  assert.equal(Object.keys(nested.init(INPUT).params), ["stem/conv1/w", "stem/conv1/b", "top/conv2/w", "top/conv2/b"]);
  for (const input of [false, true]) {
    const strip = (ops: readonly Op[]) => labels(ops).map((label) => label.replace(/^(stem|top)\//, ""));
    assert.equal(strip(trace(nested, { input }).ops), labels(trace(flat, { input }).ops));
    assert.ok(trace(nested, { input }).ops.every(({ label }) => /^(stem|top)\//.test(label)));
  }
});

test("two layers of one name are refused", () => {
  assert.throws(
    () => sequential("net", [conv1, conv2, conv1]),
    (error: Error) =>
      error instanceof UserError && error.message.includes('"net"') && error.message.includes('"conv1"'),
  );
});

test("tracing again gives an equal program in buffers of its own", () => {
  for (const mode of ["train", "eval"] as const) {
    const [a, b] = [trace(network, { mode, input: true }), trace(network, { mode, input: true })];
    assert.is(described(a.ops), described(b.ops));
    const buffers = new Set(a.ops.flatMap(({ writes }) => writes.map(({ buffer }) => buffer)));
    assert.not.ok(b.ops.some(({ writes }) => writes.some(({ buffer }) => buffers.has(buffer))));
  }
});

test.run();
