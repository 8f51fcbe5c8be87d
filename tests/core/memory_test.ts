import { test } from "uvu";
import * as assert from "uvu/assert";
import { FIXED, type Kernel } from "../../kernels/kernel.ts";
import { type Chosen, planMemory } from "../../core/graph/memory_plan.ts";
import { op } from "../../core/graph/op.ts";
import { draw, key } from "../../core/graph/random.ts";
import { type Tensor, tensor, type VirtualBuffer } from "../../core/graph/tensor.ts";

const nothing: Kernel<null, Record<string, never>> = {
  name: "nothing",
  tunings: () => FIXED,
  stages: () => ({ scratch: [], dispatches: [] }),
  cost: () => ({ flops: 0, bytes: 0 }),
};

function chosen(label: string, reads: readonly Tensor[], writes: readonly Tensor[], scratch: number[] = []): Chosen {
  return {
    op: op(nothing, null, { label, reads, writes }),
    tuning: {},
    stages: { scratch, dispatches: [] },
    scratch: scratch.map((bytes, i) => ({ label: `${label}/scratch${i}`, bytes, lifetime: "transient" })),
  };
}

/** A random program: each op reads earlier tensors or parameters, writes new ones, some in place, and has scratch. */
function randomProgram(seed: number): { ops: Chosen[]; keep: Tensor[]; persistent: Tensor[] } {
  const k = key(seed, 0, 0);
  let at = 0;
  const below = (limit: number) => draw(k, at++) % limit;
  const some = (from: readonly Tensor[], count: number) =>
    from.length === 0 ? [] : Array.from({ length: count }, () => from[below(from.length)]!);
  const persistent = Array.from({ length: 3 }, (_, i) => tensor(`p${i}`, [1 + below(50)], { lifetime: "persistent" }));
  const made: Tensor[] = [];
  const ops = Array.from({ length: 1 + below(30) }, (_, i) => {
    const reads = [...some(made, below(4)), ...some(persistent, below(2))];
    const writes = Array.from({ length: 1 + below(2) }, (_, j) => tensor(`t${i}.${j}`, [1 + below(100)]));
    const again = below(5) === 0 ? some(made, 1) : [];
    made.push(...writes);
    return chosen(`op${i}`, reads, [...writes, ...again], Array.from({ length: below(3) }, () => 4 + 4 * below(100)));
  });
  return { ops, keep: [...some(made, below(3)), ...some(persistent, below(2))], persistent };
}

/** First and last op of each transient buffer, worked out the slow way: the property that the plan must respect. */
function lives(ops: readonly Chosen[], keep: readonly Tensor[]): Map<VirtualBuffer, { first: number; last: number }> {
  const uses = ops.map(({ op, scratch }) => [...[...op.reads, ...op.writes].map(({ buffer }) => buffer), ...scratch]);
  const buffers = new Set(uses.flat().filter(({ lifetime }) => lifetime === "transient"));
  return new Map([...buffers].map((buffer) => {
    const at = uses.flatMap((used, index) => used.includes(buffer) ? [index] : []);
    const kept = keep.some((tensor) => tensor.buffer === buffer);
    return [buffer, { first: at[0]!, last: kept ? ops.length : at.at(-1)! }];
  }));
}

const PROGRAMS = Array.from({ length: 300 }, (_, seed) => ({ seed, ...randomProgram(seed) }));
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

test("no two buffers that are alive together share a slot, scratch and kept tensors included", () => {
  for (const { seed, ops, keep } of PROGRAMS) {
    const { slotOf } = planMemory(ops, keep);
    const entries = [...lives(ops, keep)];
    for (const [a, lifeA] of entries) {
      assert.ok(slotOf.has(a), `${a.label} of program ${seed} has no slot`);
      for (const [b, lifeB] of entries) {
        if (a === b || slotOf.get(a) !== slotOf.get(b)) continue;
        assert.ok(lifeA.last < lifeB.first || lifeB.last < lifeA.first, `${a.label} and ${b.label} of program ${seed}`);
      }
    }
  }
});

test("every slot is as large as its largest tenant, and no larger", () => {
  for (const { seed, ops, keep } of PROGRAMS) {
    const { slots, slotOf } = planMemory(ops, keep);
    slots.forEach((bytes, slot) => {
      const tenants = [...slotOf].filter(([, at]) => at === slot).map(([buffer]) => buffer.bytes);
      assert.is(bytes, Math.max(...tenants), `slot ${slot} of program ${seed}`);
    });
  }
});

test("persistent buffers get no slot, not even where they are kept", () => {
  for (const { ops, keep, persistent } of PROGRAMS) {
    const { slotOf } = planMemory(ops, keep);
    assert.not.ok(persistent.some(({ buffer }) => slotOf.has(buffer)));
  }
});

test("the total lies between the peak of live bytes and the sum of all", () => {
  let shared = 0;
  for (const { seed, ops, keep } of PROGRAMS) {
    const planned = total(planMemory(ops, keep).slots), entries = [...lives(ops, keep)];
    const sum = total(entries.map(([{ bytes }]) => bytes));
    const peak = Math.max(
      ...ops.map((_, at) =>
        total(entries.filter(([, { first, last }]) => first <= at && at <= last).map(([{ bytes }]) => bytes))
      ),
    );
    assert.ok(planned >= peak && planned <= sum, `program ${seed}: ${peak} <= ${planned} <= ${sum}`);
    if (planned < sum) shared++;
  }
  assert.ok(shared > 200, `only ${shared} of 300 programs share memory`);
});

const chain = Array.from({ length: 10 }, (_, i) => tensor(`x${i}`, [64]));
const chainOps = chain.slice(1).map((y, i) => chosen(`op${i}`, [chain[i]!], [y]));

test("a chain of ten tensors needs two slots, and one more for a tensor that is kept", () => {
  assert.is(planMemory(chainOps, []).slots.length, 2);
  const { slots, slotOf } = planMemory(chainOps, [chain[3]!]);
  assert.is(slots.length, 3);
  const slot = slotOf.get(chain[3]!.buffer);
  for (const later of chain.slice(4)) assert.is.not(slotOf.get(later.buffer), slot);
});

test("scratch shares no slot with what its own op reads and writes, but does with older tensors", () => {
  const ops = [...chainOps.slice(0, 4), chosen("last", [chain[4]!], [chain[5]!], [256])];
  const { slots, slotOf } = planMemory(ops, []);
  assert.is(new Set([chain[4]!.buffer, chain[5]!.buffer, ops[4]!.scratch[0]!].map((b) => slotOf.get(b))).size, 3);
  assert.is(slots.length, 3);
});

test("two views of one buffer are one buffer", () => {
  const whole = tensor("whole", [128]);
  const view = { ...whole, offset: 256, shape: [64] };
  const ops = [chosen("a", [], [whole]), chosen("b", [], [tensor("between", [128])]), chosen("c", [view], [])];
  const { slots, slotOf } = planMemory(ops, []);
  assert.is(slotOf.size, 2);
  assert.is(slots.length, 2);
});

test.run();
