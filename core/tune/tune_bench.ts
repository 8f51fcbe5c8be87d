/** A workbench for one op: tries candidates on buffers of its own and compares their results with the reference's. */
import type { Stages } from "../../kernels/kernel.ts";
import { createBuffer } from "../device/buffers.ts";
import { firstLine } from "../host/errors.ts";
import type { DeviceArray, Projection } from "../measure/compare_arrays.ts";
import type { Context } from "../device/device.ts";
import type { Op } from "../graph/op.ts";
import { forgetPipeline } from "../device/pipeline.ts";
import { repetitionsFor, type Timed, timeDispatches, timePasses } from "../measure/profile.ts";
import { bytesOf } from "../graph/tensor.ts";
import { INPUTS, type Inputs, openOperands, type Operands, type Runnable } from "./tune_operands.ts";
import { defaultTuning } from "../graph/tuner.ts";
import { runOnce, toleranceOf } from "./tune_run.ts";
import { type Expired, withinBudget } from "./within_budget.ts";

/** A sample of a short kernel is repeated until it takes this long; the host's clock needs longer ones. */
const sampleSeconds = ({ timestamps }: Context) => timestamps ? 0.001 : 0.01;
/** Kernels that take longer need no run to warm up before one that counts. */
const LONG_SECONDS = 0.05;
/** Most work in one submission: systems kill submissions that run for seconds. */
const SUBMISSION_SECONDS = 0.2;

/** What became of a candidate: timed, or wrong results ("rejected"), or impossible to run ("invalid"), or time up. */
export type Attempt =
  | { readonly status: "timed"; readonly seconds: number; readonly compileSeconds: number; readonly runnable: Runnable }
  | { readonly status: "rejected" | "invalid"; readonly reason: string; readonly compileSeconds: number }
  | { readonly status: "expired" };

/** An op's outputs on the random inputs, and which of them it updates in place instead of writing them anew. */
export interface Expected {
  /** A fingerprint of each output. */
  readonly outputs: readonly Projection[];
  /** Is that output updated in place? */
  readonly inPlace: readonly boolean[];
}

export interface Bench {
  readonly expected: Expected;
  /** Starts to compile stages that will be tried soon. */
  prefetch(stages: Stages): void;
  /** Compiles stages, compares their results with the reference's, and times them once. */
  attempt(stages: Stages, expired: Expired): Promise<Attempt>;
  /**
   * Runs a candidate once more, in company: what is wrong with the results, or null. `round`
   * decides the values of the operands, and what the device computes before and beside it.
   */
  check(runnable: Runnable, round: number): Promise<string | null>;
  /** One sample of each, in seconds on the device; 0 where its clock started again. */
  time(runnables: readonly Runnable[]): Promise<number[]>;
  /** Frees everything but the compiled shaders of `keep`, which is about to be used. */
  close(keep: Stages | null): void;
}

/** The inputs of checks, by turns; three, so that each is met with both kinds of company. */
const CHECKED: readonly Inputs[] = ["other", "random", "coded"];

/** The stages that the others are checked against. */
function referenceStages({ kernel, problem, ...op }: Op, context: Context): Stages {
  const tuning = kernel.reference?.(problem) ?? defaultTuning({ kernel, problem, ...op }, context.limits);
  return kernel.stages(problem, tuning);
}

/**
 * Opens a bench: runs the reference on both sets of inputs. Throws an `Error` where there is not enough memory, the
 * reference does not run, or the time is up.
 */
export async function openBench(context: Context, op: Op, expired: Expired): Promise<Bench> {
  const operands = await openOperands(context, op), { arrays, outputs } = operands;
  const copies = new Set<GPUBuffer>();
  const free = (arrays: readonly DeviceArray[]) =>
    arrays.forEach(({ buffer }) => {
      buffer.destroy();
      copies.delete(buffer);
    });
  const compiled: Stages[] = [];
  const close = (keep: Stages | null) => {
    const kept = new Set(keep?.dispatches.map(({ shader }) => shader.code));
    for (const { shader } of compiled.flatMap(({ dispatches }) => dispatches)) {
      if (!kept.has(shader.code)) forgetPipeline(context.device, shader.code);
    }
    operands.destroy();
    copies.forEach((buffer) => buffer.destroy());
  };
  try {
    const plainest = referenceStages(op, context);
    compiled.push(plainest);
    const reference = await operands.compile(plainest);
    const resultsOn = async (inputs: Inputs, inPlace: readonly boolean[]): Promise<DeviceArray[]> => {
      if (expired()) throw new Error("the budget was used up while the reference ran");
      const { error } = await runOnce(operands, reference, inputs, inPlace);
      if (error !== null) throw new Error(`the reference of ${op.kernel.name} does not run: ${error}`);
      const encoder = context.device.createCommandEncoder(), results: DeviceArray[] = [];
      for (const [index, array] of outputs.entries()) {
        const bytes = bytesOf(op.writes[index]!), buffer = await createBuffer(context, `tune/expected${index}`, bytes);
        copies.add(buffer);
        encoder.copyBufferToBuffer(array.buffer, 0, buffer, 0, bytes);
        results.push({ ...array, buffer });
      }
      context.device.queue.submit([encoder.finish()]);
      return results;
    };
    let random = await resultsOn("random", outputs.map(() => false));
    // An output that depends on what was there before is updated in place, or written only in part.
    const otherwise = await resultsOn("random", outputs.map(() => true)), inPlace: boolean[] = [];
    for (const [index, array] of random.entries()) {
      // By bits, but f16 by value, since an odd number of them leaves half a word that nobody writes.
      const dtype = array.dtype === "f16" ? "f16" : "u32";
      const [a, b] = [array, otherwise[index]!].map((each): DeviceArray => ({ ...each, dtype }));
      const { relative, notFinite } = await arrays.compare(a!, b!);
      inPlace.push(relative > 0 || notFinite > 0);
    }
    if (inPlace.includes(true)) {
      free(random);
      random = await resultsOn("random", inPlace);
    }
    free(otherwise);
    const projections: Projection[] = [];
    for (const array of random) projections.push(await arrays.project(array));
    if (projections.some(({ notFinite }) => notFinite > 0)) {
      throw new Error(`the reference of ${op.kernel.name} computes values that are not finite`);
    }
    const results = { random, coded: await resultsOn("coded", inPlace) };
    const expected = { outputs: projections, inPlace };
    return benchOf(context, op, operands, {
      results,
      expected,
      compiled,
      close,
      reference,
      others: () => resultsOn("other", inPlace),
    });
  } catch (error) {
    close(null);
    throw error;
  }
}

function benchOf(
  context: Context,
  op: Op,
  operands: Operands,
  { results, expected, compiled, close, reference, others }: {
    readonly results: Partial<Record<Inputs, readonly DeviceArray[]>>;
    /** What the others are checked against, and its results on "other" inputs. */
    readonly reference: Runnable;
    readonly others: () => Promise<readonly DeviceArray[]>;
    readonly expected: Expected;
    readonly compiled: Stages[];
    readonly close: Bench["close"];
  },
): Bench {
  const minimumSeconds = sampleSeconds(context), known = new Map<Runnable, number>();
  const updates = expected.inPlace.includes(true);

  /** What is wrong with the outputs, or null. */
  const compare = async (inputs: Inputs): Promise<string | null> => {
    for (const [index, array] of operands.outputs.entries()) {
      const { relative, largest, notFinite } = await operands.arrays.compare(array, results[inputs]![index]!);
      const name = op.writes[index]!.buffer.label;
      if (notFinite > 0) return `leaves ${notFinite} values of ${name} unwritten or not finite`;
      const most = toleranceOf(array);
      if (relative <= most.relative && largest <= most.largest) continue;
      const errors = `relative error ${relative.toExponential(1)}, largest ${largest.toExponential(1)}`;
      return `computes ${name} wrong on ${inputs} inputs: ${errors}`;
    }
    return null;
  };
  const timeFirst = async (runnable: Runnable, hostSeconds: number): Promise<number> => {
    await operands.load("random");
    if (updates) await operands.reset(runnable.stages, expected.inPlace);
    const dispatches = operands.dispatches(runnable);
    if (hostSeconds > LONG_SECONDS) return (await timePasses(context, [dispatches])).passes[0]!.seconds;
    return (await timeDispatches(context, dispatches, { samples: 1, minimumSeconds }))[0]!;
  };

  return {
    expected,
    close,
    prefetch(stages) {
      compiled.push(stages);
      operands.compile(stages).catch(() => {}); // `attempt` will report it
    },
    async attempt(stages, expired) {
      const start = performance.now(), seconds: number[] = [];
      let compileSeconds = 0;
      const failed = (status: "rejected" | "invalid", reason: string): Attempt => ({ status, reason, compileSeconds });
      let runnable: Runnable;
      compiled.push(stages);
      try {
        const done = await withinBudget(operands.compile(stages), expired);
        if (done === null) return { status: "expired" };
        runnable = done;
      } catch (error) {
        return failed("invalid", `does not compile: ${firstLine(error)}`);
      } finally {
        compileSeconds = (performance.now() - start) / 1000;
      }
      try {
        for (const inputs of INPUTS) {
          if (expired()) return { status: "expired" };
          const done = await runOnce(operands, runnable, inputs, expected.inPlace);
          if (done.error !== null) return failed("invalid", done.error);
          const wrong = await compare(inputs);
          if (wrong !== null) return failed("rejected", wrong);
          seconds.push(done.seconds);
        }
      } catch (error) {
        context.check(); // a lost device is more than one candidate's failure
        return failed("invalid", firstLine(error));
      }
      // Some drivers compile at the first run.
      compileSeconds += Math.max(0, seconds[0]! - seconds[1]!);
      if (expired()) return { status: "expired" };
      const first = await timeFirst(runnable, seconds[1]!);
      if (first <= 0) return failed("invalid", "cannot be timed: the device's clock stood still or started again");
      known.set(runnable, first);
      return { status: "timed", seconds: first, compileSeconds, runnable };
    },
    async check(runnable, round) {
      const inputs = CHECKED[round % CHECKED.length]!, before = round % 2 === 1;
      results.other ??= await others();
      await operands.load(inputs);
      if (before) {
        await operands.reset(reference.stages, expected.inPlace);
        operands.start(reference);
      }
      await operands.reset(runnable.stages, expected.inPlace);
      return await operands.runBeside(runnable) ?? await compare(inputs);
    },
    async time(runnables) {
      if (updates) await operands.reset(runnables[0]!.stages, expected.inPlace);
      const passes = runnables.map((runnable) => {
        const dispatches = operands.dispatches(runnable),
          repetitions = repetitionsFor(known.get(runnable)!, minimumSeconds);
        return { repetitions, dispatches: Array.from({ length: repetitions }, () => dispatches).flat() };
      });
      const total = runnables.reduce((sum, each) => sum + Math.max(minimumSeconds, known.get(each)!), 0);
      const batches = total < SUBMISSION_SECONDS ? [passes] : passes.map((pass) => [pass]);
      const timed: Timed[] = [];
      for (const batch of batches) {
        timed.push(...(await timePasses(context, batch.map(({ dispatches }) => dispatches))).passes);
      }
      return timed.map(({ seconds }, index) => seconds / passes[index]!.repetitions);
    },
  };
}
