/**
 * `npm run test:estimate -- CONV...`: do candidates run in the order that the estimate predicts? Measures candidates of
 * convolutions on this device, evenly picked from the predicted order, and prints Spearman's rank correlation.
 */
import process from "node:process";
import { convOps } from "../../cli/conv_ops.ts";
import { openDevice } from "../../core/device/device.ts";
import { type Buffers, compile } from "../../core/device/plan.ts";
import type { Op } from "../../core/graph/op.ts";
import { timePasses } from "../../core/measure/profile.ts";
import { tensor } from "../../core/graph/tensor.ts";

/** Candidates of each op, and runs of each, of which the fastest counts. */
const PICKED = 16, RUNS = 5;
const DEFAULTS = ["8,16,16,96,96,3,1,1", "8,16,16,96,96,3,2,1", "8,16,16,64,64,1,1,0"];

/** Mean ranks where values are equal. */
function ranks(values: readonly number[]): number[] {
  return values.map((value) =>
    values.filter((other) => other < value).length + (values.filter((other) => other === value).length - 1) / 2
  );
}

/** Pearson's correlation of the ranks. */
function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)], mean = (a.length - 1) / 2;
  const sum = (of: (i: number) => number) => a.reduce((total, _, i) => total + of(i), 0);
  const deviations = (of: readonly number[]) => sum((i) => (of[i]! - mean) ** 2);
  return sum((i) => (x[i]! - mean) * (y[i]! - mean)) / Math.sqrt(deviations(x) * deviations(y));
}

const context = await openDevice();

async function secondsOf(given: Op, tuning: unknown): Promise<number> {
  const kept = (each: Op["reads"]) =>
    each.map(({ buffer, shape }) => tensor(buffer.label, shape, { lifetime: "persistent" }));
  const op: Op = { ...given, reads: kept(given.reads), writes: kept(given.writes) };
  const buffers: Buffers = new Map();
  const plan = await compile(context, { ops: [op], keep: [] }, { choose: () => Promise.resolve(tuning) }, buffers);
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run++) times.push((await timePasses(context, [plan.dispatches])).passes[0]!.seconds);
  plan.destroy();
  buffers.forEach((buffer) => buffer.destroy());
  return Math.min(...times.slice(1)); // the first compiles
}

const given = process.argv.slice(2);
for (const conv of given.length > 0 ? given : DEFAULTS) {
  for (const op of convOps(conv)) {
    const [first, ...others] = op.kernel.tunings(op.problem, context.limits);
    const picked = [first, ...others.filter((_, index) => index % Math.ceil(others.length / (PICKED - 1)) === 0)];
    const seconds: number[] = [];
    for (const tuning of picked) seconds.push(await secondsOf(op, tuning));
    const order = spearman(picked.map((_, index) => index), seconds);
    const best = Math.min(...seconds) / seconds[0]!;
    console.log(
      `${conv} ${op.label}: ${order.toFixed(2)} of ${picked.length} candidates; the best takes ${
        best.toFixed(2)
      } of the default`,
    );
    if (process.env["SHOW"] !== undefined) {
      picked.forEach((tuning, index) =>
        console.log(`  ${(1e3 * seconds[index]!).toFixed(2)} ms ${JSON.stringify(tuning)}`)
      );
    }
  }
}
context.close();
process.exit(0);
