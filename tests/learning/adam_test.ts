import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { encodeStep } from "../../core/graph/step_data.ts";
import { type AdamConstants, adamUpdate } from "../../kernels/train/adam.ts";
import { optimizers } from "../../learning/optimizers/mod.ts";
import type { Checkpoint } from "../../training/checkpoint.ts";
import { closeModel, openModel } from "../../training/model.ts";
import { train } from "../../training/train.ts";
import * as reference from "../_reference.ts";
import { gpu, random, relativeError, runOp } from "../_gpu.ts";
import { INPUT, stripes, tinyNetwork } from "../training/_tiny.ts";

const COUNT = 70, STEPS = 50;
const vector = (data: ArrayLike<number>) => ({ shape: [data.length], data });
const rate = (step: number) => 0.03 / (1 + step / 10);
/** Gradients of very unequal size, whose sign changes. */
const gradient = (step: number) => random(COUNT, 10 + step).map((value, i) => value * 4 ** (i % 7 - 5) + 0.001);
const CONSTANTS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.125 };
const START = random(COUNT, 1);

/** Parameters after all steps in float64. */
function inFloat64(constants: AdamConstants, decoupled: boolean) {
  const w = START.slice(), m = new Float64Array(COUNT), v = new Float64Array(COUNT);
  for (let step = 0; step < STEPS; step++) {
    reference.adam({ w, m, v }, gradient(step), { ...constants, decoupled, learningRate: rate(step), t: step + 1 });
  }
  return [w, m, v];
}

for (const decoupled of [false, true]) {
  test(`${decoupled ? "adamw" : "adam"}: ${STEPS} steps from rest agree with float64`, async () => {
    let values: Float64Array[] = [START, new Float64Array(COUNT), new Float64Array(COUNT)];
    for (let step = 0; step < STEPS; step++) {
      const problem = { count: COUNT, ...CONSTANTS, decoupled, clear: false };
      const data = encodeStep({ step, seed: 1, learningRate: rate(step), first: 0 });
      const reads = [vector(gradient(step)), { shape: [4], data, dtype: "u32" } as const];
      values = await runOp(adamUpdate, problem, {}, { reads, writes: values.map(vector) });
    }
    inFloat64(CONSTANTS, decoupled).forEach((expected, i) => {
      const error = relativeError(values[i]!, expected);
      assert.ok(error < 1e-5, `${["w", ...adamUpdate.moments][i]}: ${error}`);
    });
  });
}

test("adam: the first step has the size of the rate, and late ones are corrected no more", async () => {
  for (const [step, moment] of [[0, 0], [2 ** 31, 1]] as const) {
    const data = encodeStep({ step, seed: 1, learningRate: 0.5, first: 0 });
    const reads = [vector([3]), { shape: [4], data, dtype: "u32" } as const];
    const writes = [vector([2]), vector([3 * moment]), vector([9 * moment])];
    const problem = { count: 1, ...CONSTANTS, weightDecay: 0, decoupled: false, clear: false };
    const [w] = await runOp(adamUpdate, problem, {}, { reads, writes });
    assert.ok(Math.abs(w![0]! - 1.5) < 1e-6, `${w![0]}`);
  }
});

const TORCH = "PyTorch's Adam and AdamW in float64 take the steps of the reference";
test(TORCH, () => {
  if (spawnSync("python3", ["-c", "import torch"]).status !== 0) {
    return console.log(`skipped: "${TORCH}", as python3 has no torch`);
  }
  const code = `
import json, sys, torch
given = json.load(sys.stdin)
for kind in (torch.optim.Adam, torch.optim.AdamW):
    w = torch.tensor(given["start"], dtype=torch.float64, requires_grad=True)
    optimizer = kind([w], lr=1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.125)
    for rate, gradient in given["steps"]:
        optimizer.param_groups[0]["lr"] = rate
        w.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
    print(json.dumps(w.tolist()))
`;
  const steps = Array.from({ length: STEPS }, (_, step) => [rate(step), [...gradient(step)]]);
  const input = JSON.stringify({ start: [...START], steps });
  const { stdout, stderr, status } = spawnSync("python3", ["-c", code], { encoding: "utf8", input });
  assert.is(status, 0, stderr);
  stdout.trim().split("\n").forEach((line, i) => {
    const error = relativeError(JSON.parse(line) as number[], inFloat64(CONSTANTS, i === 1)[0]!);
    assert.ok(error < 1e-12, `${["Adam", "AdamW"][i]}: ${error}`);
  });
});

test("what is left out is as in PyTorch", () => {
  const { weightDecay: _, ...rest } = CONSTANTS;
  assert.equal(optimizers.schema.parse({ adam: {} }), { adam: { ...rest, weightDecay: 0 } });
  assert.equal(optimizers.schema.parse({ adamw: {} }), { adamw: { ...rest, weightDecay: 0.01 } });
  for (const wrong of [{ beta1: 1 }, { beta2: -0.1 }, { epsilon: 0 }, { weightDecay: 2 }, { betas: [0.9, 0.999] }]) {
    assert.not(optimizers.schema.safeParse({ adamw: wrong }).success, JSON.stringify(wrong));
  }
});

test("a network learns by adamw, and its files have both moments", async () => {
  const model = await openModel(await gpu(), { network: tinyNetwork(), input: INPUT }, { seed: 1 });
  const saved: Checkpoint[] = [];
  const rows = await train(model, stripes(96), {
    epochs: 6,
    batch: 32,
    learningRate: { base: 0.02 },
    optimizer: { adamw: {} },
    onCheckpoint: (each) => Promise.resolve(void saved.push(each)),
  });
  assert.ok(rows.at(-1)!.trainLoss < 0.5 * rows[0]!.trainLoss, rows.map(({ trainLoss }) => trainLoss).join(", "));
  for (const moment of adamUpdate.moments) {
    assert.ok(saved.at(-1)!.tensors[`${moment}/conv1/w`]!.data.some((value) => value !== 0), moment);
  }
  closeModel(model);
});

test.run();
