import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Context } from "../../core/device/device.ts";
import type { Plan } from "../../core/device/plan.ts";
import { planLoop, type StepTarget, submit } from "../../core/device/run_plans.ts";
import { stepTensor } from "../../core/graph/step_data.ts";

/** A device that notes what it is told, and is done with a submission when it is told so. */
function fakeDevice() {
  const told: string[] = [], finish: (() => void)[] = [], step = stepTensor();
  let failure: Error | null = null;
  const pass = {
    setPipeline() {},
    setBindGroup() {},
    dispatchWorkgroups: (x: number) => told.push(`dispatch ${x}`),
    end() {},
  };
  const queue = {
    writeBuffer: (_buffer: unknown, offset: number, [at, , , first]: Uint32Array) =>
      told.push(`step ${at}, first ${first}, at byte ${offset}`),
    submit: () => told.push("submit"),
    onSubmittedWorkDone: () => new Promise<void>((done) => finish.push(done)),
  };
  const device = { queue, createCommandEncoder: () => ({ beginComputePass: () => pass, finish: () => null }) };
  const check = () => {
    if (failure !== null) throw failure;
  };
  const target: StepTarget = {
    context: { device, check } as unknown as Context,
    buffers: new Map([[step.buffer, {} as GPUBuffer]]),
    step,
  };
  return { target, told, finish, fail: (error: Error) => void (failure = error) };
}

const planOf = (x: number) => ({ dispatches: [{ workgroups: [x, 1, 1] }] }) as unknown as Plan;
const dataOf = (step: number, first = 0) => ({ step, seed: 0, learningRate: 0, first });
/** Lets everything happen that waits for nothing outside. */
const settle = () => new Promise((done) => setTimeout(done, 5));

test("each submission finds its step data, and runs its plans in order", () => {
  const { target, told } = fakeDevice();
  submit(target, [
    { plans: [planOf(1)], data: dataOf(3, 0) },
    { plans: [planOf(1), planOf(2)], data: dataOf(3, 8) },
  ]);
  assert.equal(told, [
    "step 3, first 0, at byte 0",
    "dispatch 1",
    "submit",
    "step 3, first 8, at byte 0",
    "dispatch 1",
    "dispatch 2",
    "submit",
  ]);
});

test("a loop has at most two steps in flight", async () => {
  const { target, told, finish } = fakeDevice(), loop = planLoop(target), ready: number[] = [];
  const all = (async () => {
    for (let at = 0; at < 4; at++) {
      await loop.run([{ plans: [planOf(1)], data: dataOf(at) }]);
      ready.push(at);
    }
    await loop.finish();
    ready.push(-1);
  })();
  const submitted = () => told.filter((each) => each === "submit").length;
  await settle();
  assert.equal([submitted(), ready], [2, [0]]);
  finish[0]!();
  await settle();
  assert.equal([submitted(), ready], [3, [0, 1]]);
  finish[1]!();
  await settle();
  assert.equal([submitted(), ready], [4, [0, 1, 2]]);
  finish[2]!();
  await settle();
  assert.equal(ready, [0, 1, 2, 3]);
  finish[3]!();
  await all;
  assert.is(ready.at(-1), -1);
});

test("a step waits for its input; only while the device has nothing to do does that count", async () => {
  const { target, told, finish } = fakeDevice(), loop = planLoop(target);
  const input = async () => {
    await new Promise((done) => setTimeout(done, 40));
    told.push("input");
  };
  const step = [{ plans: [planOf(1)], data: dataOf(0) }];
  await loop.run(step, input);
  assert.equal(told.slice(0, 2), ["input", "step 0, first 0, at byte 0"]);
  const idle = loop.waitedSeconds();
  assert.ok(idle > 0.03, String(idle));
  const second = loop.run(step, input); // while the first still runs
  await new Promise((done) => setTimeout(done, 80));
  finish[0]!();
  await second;
  assert.is(loop.waitedSeconds(), idle);
});

test("what the device reports ends the loop, at the step in hand", async () => {
  const { target, fail } = fakeDevice(), loop = planLoop(target);
  fail(new Error("lost"));
  assert.is(await loop.run([]).then(() => null, (error: Error) => error.message), "lost");
});

test.run();
