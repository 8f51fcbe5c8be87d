import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../../configs/load.ts";
import { fuse } from "../../core/graph/fuse.ts";
import { type Op, op } from "../../core/graph/op.ts";
import { joined } from "../../kernels/pointwise.ts";
import type { Layer } from "../../core/graph/layer.ts";
import { sequential } from "../../layers/sequential.ts";
import { type Tensor, tensor } from "../../core/graph/tensor.ts";
import { activation } from "../../layers/activation.ts";
import { batchNorm } from "../../layers/batch_norm.ts";
import { dropout } from "../../layers/dropout.ts";
import { buildNetwork } from "../../layers/network_config.ts";
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

test("an activation of its own goes where the convolution's would, and into a batch normalization", () => {
  const first = (activation: "relu" | "none") => convOf({ name: "first", channels: 4, kernel: 1, activation });
  const rest = [dropout("dropout", { rate: 0.5 }), convOf({ name: "next", channels: 4, kernel: 1 })];
  const own = fused(sequential("net", [first("none"), activation("relu"), ...rest]));
  const inside = fused(sequential("net", [first("relu"), ...rest]));
  const problems = ({ ops }: typeof own) => ops.map(({ kernel, problem }) => [kernel.name, problem]);
  assert.equal(gone(own), ["relu/forward", "dropout/forward", "dropout/dx", "relu/dx"]);
  assert.equal(problems(own), problems(inside));

  const leaky = activation("leaky", { function: { leakyRelu: { slope: 0.25 } } });
  const normalized = fused(sequential("net", [first("none"), batchNorm("norm"), leaky, rest[1]!]));
  assert.equal(gone(normalized), ["leaky/forward", "leaky/dx"]);
  const forward = normalized.ops.find(({ label }) => label === "norm/forward")!;
  assert.equal((forward.problem as { relu: object }).relu, { slope: 0.25 });
  assert.is(forward.writes[0]!.buffer.label, "leaky/y");
  for (const before of [first("none"), batchNorm("norm")]) { // what comes between stays, and so does what follows it
    const apart = fused(sequential("net", [before, rest[0]!, activation("relu"), rest[1]!]));
    assert.equal(gone(apart).filter((label) => label.endsWith("forward")), []);
  }
  const twice = fused(sequential("net", [batchNorm("norm"), activation("one"), activation("two"), rest[1]!]));
  assert.equal(gone(twice).filter((label) => label.endsWith("forward")), ["one/forward"]);
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

test("fusion knows no kernel: any that absorbs gets what any other says that it is, and their reads in order", () => {
  const mask = { scale: 3, slope: 0.5 };
  const plain = {
    tunings: () => [{}],
    stages: () => ({ scratch: [], dispatches: [] }),
    cost: () => ({ flops: 0, bytes: 0 }),
  };
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => tensor(name, [4])) as [Tensor, Tensor, Tensor, Tensor];
  const made = (from: object, of: object, problem: object): Op[] => [
    op({ ...plain, name: "makes", ...from }, problem, { label: "makes", reads: [a], writes: [b] }),
    op({ ...plain, name: "passes", ...of }, {}, { label: "passes", reads: [b, d], writes: [c] }),
  ];
  const absorb = (problem: object, next: object) => "mask" in problem ? null : { ...problem, ...next };
  const pointwise = () => ({ mask });
  const [only, ...more] = fuse({ ops: made({ absorb }, { pointwise }, { side: 1 }), keep: [] }).ops;
  assert.is(more.length, 0);
  assert.equal(only!.problem, { side: 1, mask });
  assert.equal([only!.reads, only!.writes], [[a, d], [c]]);
  for (
    const ops of [made({}, { pointwise }, {}), made({ absorb }, {}, {}), made({ absorb }, { pointwise }, { mask })]
  ) {
    assert.equal(fuse({ ops, keep: [] }).ops, ops);
  }
});

test("a mask stands for a dropout only where the same dropout made what it reads", () => {
  const dropout = { rate: 0.5, stream: 3, perExample: 4 }, mask = { scale: 1, slope: 0 };
  assert.equal(joined({ dropout }, { mask }, { dropout }), { mask: { scale: 2, slope: 0 } });
  for (
    const source of [null, { mask }, { dropout: { ...dropout, stream: 4 } }, { dropout: { ...dropout, rate: 0.4 } }]
  ) {
    assert.is(joined({ dropout }, { mask }, source), null);
  }
  assert.is(joined({ dropout }, { mask: { ...mask, slope: 0.1 } }, { dropout }), null);
  assert.is(joined({ mask }, { dropout }, { dropout }), null);
});

test("fusion is pure and leaves nothing to fuse", () => {
  const { ops } = trace(sequential("net", [conv1, convOf({ name: "conv2", channels: 5, kernel: 1 })]));
  const before = JSON.stringify(labels(ops)), once = fuse({ ops, keep: [tensor("other", [1])] });
  assert.is(JSON.stringify(labels(ops)), before);
  assert.equal(fuse(once).ops, once.ops);
});

test.run();
