import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile, run } from "../../core/device/plan.ts";
import { readTensor, writeTensor } from "../../core/device/transfer.ts";
import { op } from "../../core/graph/op.ts";
import { tensor } from "../../core/graph/tensor.ts";
import { defaultTuner } from "../../core/graph/tuner.ts";
import { elementwiseKernel } from "../../kernels/elementwise_kernel.ts";
import { gpu } from "../_gpu.ts";

/** Sums that no other test and no earlier run compiled, slowly enough that a second device helps: y = x + n + 1 + ... */
const TERMS = 400;
const nonce = Date.now() % 1e7 / 1e4; // no cache of a driver knows them
const sum = (index: number) =>
  elementwiseKernel(
    `first_runs_${index}`,
    ["x"],
    Array.from({ length: TERMS }, (_, i) => `sin(x + ${(nonce + i + index).toFixed(4)})`).join(" + "),
  );

test("shaders of Mesa's software driver are compiled by two devices, none is left to the first real run", async () => {
  const context = await gpu();
  if (context.another === undefined) return console.log("\n  skipped: the driver is not Mesa's software driver");
  let opened = 0;
  const counted = { ...context, another: () => (opened++, context.another!()) };
  const x = tensor("x", [8], { lifetime: "persistent" });
  const outputs = Array.from({ length: 12 }, (_, index) => tensor(`y${index}`, [8], { lifetime: "persistent" }));
  const ops = outputs.map((y, index) =>
    op(sum(index), { count: 8 }, { label: `sum${index}`, reads: [x], writes: [y] })
  );
  const buffers = new Map(), shares: number[] = [], values = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7);
  await writeTensor(context, buffers, x, values);
  const plan = await compile(counted, { ops, keep: [] }, defaultTuner(context.limits), buffers, (share) => {
    shares.push(share);
  });
  assert.is(opened, 1, "no second device was opened");
  assert.equal(shares.map((share) => Math.round(12 * share)), Array.from({ length: 12 }, (_, index) => index + 1));
  run(context, plan);
  for (const [index, y] of outputs.entries()) {
    const expected = [...values].map((value) => {
      let total = 0;
      for (let i = 0; i < TERMS; i++) total += Math.sin(value + Number((nonce + i + index).toFixed(4)));
      return total;
    });
    (await readTensor(context, buffers, y)).forEach((value, at) => assert.ok(Math.abs(value - expected[at]!) < 0.1));
  }
  plan.destroy();
});

test("few shaders, and those of a GPU, are not run before", async () => {
  const context = await gpu(), shares: number[] = [];
  const x = tensor("x", [8], { lifetime: "persistent" }), y = tensor("y", [8], { lifetime: "persistent" });
  const program = { ops: [op(sum(99), { count: 8 }, { label: "sum", reads: [x], writes: [y] })], keep: [] };
  const plan = await compile(context, program, defaultTuner(context.limits), new Map(), (share) => shares.push(share));
  assert.equal(shares, []);
  plan.destroy();
});

test.run();
