import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../configs/load.ts";
import { fuse } from "../../core/graph/fuse.ts";
import { type Layer, sequential } from "../../core/graph/layer.ts";
import { type Tensor, tensor } from "../../core/graph/tensor.ts";
import { dropout } from "../../layers/dropout.ts";
import { buildNetwork } from "../../layers/mod.ts";
import { conv1, convOf, labels, layers, trace } from "../_trace.ts";

const fused = (layer: Layer, keep: readonly Tensor[] = [], options: Parameters<typeof trace>[1] = {}) => {
  const { ops } = trace(layer, options);
  return { before: labels(ops), after: labels(fuse({ ops, keep }).ops), ops: fuse({ ops, keep }).ops };
};
const gone = ({ before, after }: { before: string[]; after: string[] }) =>
  before.filter((label) => !after.includes(label));

test("All-CNN-C: dropout behind a ReLU and every ReLU's pullback but the last become epilogues", async () => {
  const { network, name } = await loadConfig("configs/allcnn-c.yaml", []);
  const { after, ops } = fused(buildNetwork(name, network), [], { shape: [4, 32, 32, 3] });
  assert.equal(after.filter((label) => /dropout|activation/.test(label)), ["dropout1/forward", "conv9/activation"]);
  const problem = (label: string) => ops.find((op) => op.label === label)!.problem as Record<string, unknown>;
  assert.is((problem("conv3/forward")["dropout"] as { rate: number }).rate, 0.5);
  assert.equal(problem("conv4/dx")["mask"], { scale: 2, slope: 0 });
  assert.equal(problem("conv3/dx")["mask"], { scale: 1, slope: 0 });
  const read = new Set(ops.flatMap(({ reads }) => reads.map(({ buffer }) => buffer)));
  const written = new Set(ops.flatMap(({ writes }) => writes.map(({ buffer }) => buffer)));
  for (const buffer of read) {
    assert.ok(
      written.has(buffer) || /^(x|dy|step|conv\d\/[wb])$/.test(buffer.label),
      `${buffer.label} is never written`,
    );
  }
});

test("a leaky ReLU masks with its slope, but keeps its dropout apart", () => {
  const leaky = convOf({ name: "leaky", channels: 4, kernel: 1, activation: { leakyRelu: { slope: 0.25 } } });
  const next = convOf({ name: "next", channels: 4, kernel: 1, activation: "none" });
  const plain = fused(sequential("net", [leaky, next]));
  assert.equal(gone(plain), ["leaky/activation"]);
  const mask = plain.ops.find(({ label }) => label === "next/dx")!.problem as { mask: unknown };
  assert.equal(mask.mask, { scale: 1, slope: 0.25 });
  assert.equal(gone(fused(sequential("net", [leaky, dropout("dropout", { rate: 0.5 }), next]))), []);
});

test("no fusion across a pool, for another rule, or into a tensor that is kept", () => {
  const pooled = fused(sequential("net", layers));
  assert.equal(gone(pooled), []);
  const pair = sequential("net", [conv1, convOf({ name: "conv2", channels: 5, kernel: 1, activation: "none" })]);
  assert.equal(gone(fused(pair)), ["conv1/activation"]);
  for (const rule of ["guided", "deconvnet"] as const) assert.equal(gone(fused(pair, [], { rule })), []);
  const { ops } = trace(pair), dx = ops.find(({ label }) => label === "conv2/dx")!.writes[0]!;
  assert.equal(labels(fuse({ ops, keep: [dx] }).ops), labels(ops));
});

test("fusion is pure and leaves nothing to fuse", () => {
  const { ops } = trace(sequential("net", [conv1, convOf({ name: "conv2", channels: 5, kernel: 1 })]));
  const before = JSON.stringify(labels(ops)), once = fuse({ ops, keep: [tensor("other", [1])] });
  assert.is(JSON.stringify(labels(ops)), before);
  assert.equal(fuse(once).ops, once.ops);
});

test.run();
