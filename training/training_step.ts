/**
 * A step of training: forward, loss, backward and update. A batch that the device cannot hold is cut into micro-batches
 * of equal size, whose gradients are added before the update. Random numbers are drawn by an example's place in the
 * epoch, so a step in parts is the whole step, added up in another order.
 */
import { type Arena, arena } from "../core/graph/arena.ts";
import { mebibytes } from "../core/host/memory.ts";
import { TooLargeError, UserError } from "../core/host/errors.ts";
import { compile, type Plan } from "../core/device/plan.ts";
import { layOut } from "../core/graph/layout.ts";
import type { Submission } from "../core/device/run_plans.ts";
import { gradientProgram, type Program, updateProgram } from "../core/graph/program.ts";
import { totalMemory } from "../core/host/process.ts";
import type { StepData } from "../core/graph/step_data.ts";
import { defaultTuner, type Tuner } from "../core/graph/tuner.ts";
import { lengthOf } from "./length.ts";
import { batchOf, type Examples } from "./examples.ts";
import type { Session } from "./session.ts";

/** A compiled step. */
export interface TrainingStep {
  /** Examples that go through the network at once; divides the batch. */
  readonly microBatch: number;
  /** Runs once for each micro-batch; where there is only one, it updates the parameters too. */
  readonly plan: Plan;
  /** Runs after the last micro-batch; null where there is only one. */
  readonly update: Plan | null;
}

/** The programs of a step, as they are traced. Throws `UserError` where there are too few examples. */
export function stepPrograms(
  session: Session,
  data: Examples,
  microBatch = session.training.batch,
): { readonly part: Program; readonly update: Program | null } {
  const { context: { limits }, specs, moments, step, training, augment, canvas } = session, { batch } = training;
  lengthOf(training, data.count);
  const whole = microBatch === batch, grads = arena("grads", specs, limits);
  const gradients: { grads: Arena; sums: Arena | null } = { grads, sums: whole ? null : arena("sums", specs, limits) };
  const part = gradientProgram(session, batchOf(data, step, microBatch, { augment, canvas }), gradients, batch);
  const update = updateProgram(session, gradients, {
    optimizer: session.optimizer,
    moments,
    clipNorm: training.clipNorm ?? null,
    isWeight: (name) => "fanIn" in specs[name]!.init,
  });
  return whole ? { part: { ops: [...part.ops, ...update.ops], keep: [] }, update: null } : { part, update };
}

/** Whole, halves, thirds, quarters ...: the sizes of micro-batches that divide a batch, the largest first. */
const sizesOf = (batch: number): number[] =>
  Array.from({ length: batch }, (_, index) => batch - index).filter((size) => batch % size === 0);

/** Throws `UserError` where micro-batches of a size do not divide a batch. */
export function checkMicroBatch(batch: number, microBatch: number): void {
  if (batch % microBatch === 0) return;
  const near = sizesOf(batch).find((size) => size <= microBatch);
  throw new UserError(`Cannot cut batches of ${batch} into micro-batches of ${microBatch}: ${near} would divide them`);
}

/** Share of the main memory that a device on the CPU may plan with; the data on the host and the system need some. */
const MEMORY_SHARE = 0.7;

/**
 * The micro-batches that may fit, the largest first: tensors within one binding, and on a device that computes in main
 * memory, what is planned within that. How much memory a GPU has, WebGPU does not tell.
 */
export async function fittingSizes(session: Session, data: Examples): Promise<number[]> {
  const { context: { limits }, training: { batch } } = session, sizes = sizesOf(batch);
  const most = limits.software ? MEMORY_SHARE * totalMemory() : Infinity;
  for (const [index, size] of sizes.entries()) {
    try {
      const { slots } = await layOut(stepPrograms(session, data, size).part, defaultTuner(limits), limits);
      if (slots.reduce((sum, bytes) => sum + bytes, 0) <= most) return sizes.slice(index);
    } catch (error) {
      if (!(error instanceof TooLargeError)) throw error;
    }
  }
  return [1]; // which says what is too large
}

/**
 * Compiles a step on batches of `data`, in micro-batches of the given size; with null, of the largest that fits. Throws
 * `UserError` where none does, or the size does not divide the batch.
 */
export async function compileStep(
  session: Session,
  data: Examples,
  { tuner = session.tuner, microBatch = null, onCompiled }: {
    readonly tuner?: Tuner;
    readonly microBatch?: number | null;
    /** Hears the share of the shaders that are compiled. */
    readonly onCompiled?: (done: number) => void;
  } = {},
): Promise<TrainingStep> {
  const { context, buffers, training: { batch } } = session;
  if (microBatch !== null) checkMicroBatch(batch, microBatch);
  const sizes = microBatch === null ? await fittingSizes(session, data) : [microBatch];
  for (const [index, size] of sizes.entries()) {
    const { part, update } = stepPrograms(session, data, size);
    try {
      const plan = await compile(context, part, tuner, buffers, onCompiled);
      return { microBatch: size, plan, update: update && await compile(context, update, tuner, buffers) };
    } catch (error) {
      if (!(error instanceof TooLargeError) || index + 1 === sizes.length) throw error;
    }
  }
  throw new Error("no size divides the batch");
}

/** "batch 50 in micro-batches of 10, 312.4 MiB beside the parameters" */
export function describeStep({ training: { batch } }: Session, { microBatch, plan }: TrainingStep): string {
  const parts = microBatch === batch ? "" : ` in micro-batches of ${microBatch}`;
  return `batch ${batch}${parts}, ${mebibytes(plan.transientBytes)} beside the parameters`;
}

/** The submissions of a whole step; `data.first` is the batch's first example. */
export function submissionsOf(
  { training: { batch } }: Session,
  { microBatch, plan, update }: TrainingStep,
  data: StepData,
): Submission[] {
  return Array.from({ length: batch / microBatch }, (_, part) => ({
    plans: update !== null && (part + 1) * microBatch === batch ? [plan, update] : [plan],
    data: { ...data, first: data.first + part * microBatch },
  }));
}

/**
 * What an exact resume compares and replays: the tunings of all ops by label, and a hash of all shaders, of which an update
 * apart adds its own.
 */
export function kernelsOf({ plan, update }: TrainingStep): Pick<Plan, "tunings" | "shaders"> {
  if (update === null) return plan;
  return { tunings: { ...plan.tunings, ...update.tunings }, shaders: `${plan.shaders}+${update.shaders}` };
}

/** The step data with which a step computes the same each time: a learning rate of 0 keeps the parameters. */
export const SAME_EACH_TIME: StepData = { step: 0, seed: 0, learningRate: 0, first: 0 };

/** Frees the transient memory of a step. */
export function destroyStep({ plan, update }: TrainingStep): void {
  plan.destroy();
  update?.destroy();
}
