/** A training that one holds: a step for each batch that comes, from wherever. */
import type { Plan } from "../core/device/plan.ts";
import { planLoop } from "../core/device/run_plans.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { UserError } from "../core/host/errors.ts";
import { elements } from "../core/graph/tensor.ts";
import type { LabelledImages } from "../data/dataset.ts";
import { checkBatch, type ExampleBatch } from "./batches.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { checkFinite } from "./diverged.ts";
import { type Model, ownBuffers } from "./model.ts";
import { checkOpen } from "./params.ts";
import { setLossScale } from "./precision.ts";
import { copyOf, makeResident, type Resident } from "./resident.ts";
import type { Session } from "./session.ts";
import { initialize, initialProgress, snapshot } from "./snapshot.ts";
import { meansOf, NO_SUMS, readSums, writeSums } from "./sums.ts";
import { labelledFor } from "./targets.ts";
import { type LengthOptions, sessionOf, type StepOptions } from "./training_options.ts";
import { compileStep, destroyStep, submissionsOf, type TrainingStep } from "./training_step.ts";

/** How to train, and how long, where the learning rate depends on that. */
export interface TrainerOptions extends StepOptions {
  /** How many steps there will be: what `cosine` and `oneCycle` are stretched over. */
  readonly steps?: number;
  /** For schedules that count epochs; without it all steps are of epoch 0. */
  readonly stepsPerEpoch?: number;
  /** What `save` gave: goes on from there. */
  readonly from?: Checkpoint;
}

/** What some steps added up to. */
export interface StepMetrics {
  /** Mean loss, dropout on, in the unit of the loss: cross-entropies are in nats. */
  readonly loss: number;
  /** Percent. */
  readonly error: number;
  /** How many examples counted. */
  readonly examples: number;
}

/** A training that one holds. Calls wait for one another, in the order in which they come. */
export interface Trainer {
  /** What it trains. */
  readonly model: Model;
  /**
   * The compiled step: its ops with their shaders, tunings and memory. In micro-batches it is that of each of them, without
   * the update that follows the last one.
   */
  readonly plan: Plan;
  /** Of the last step; NaN before the first. */
  readonly learningRate: number;
  /**
   * Takes a step on a batch of exactly `batch` examples; resolves when the one before it is done, so that the next batch
   * can be made meanwhile. Throws `UserError` where the batch does not fit, and nothing has changed then.
   */
  step(batch: ExampleBatch): Promise<void>;
  /** Waits for all steps; what those since the last call added up to. Throws `DivergedError` where the loss is no number. */
  metrics(): Promise<StepMetrics>;
  /** Waits for all steps; parameters, moments and place. `encodeCheckpoint` makes a file's bytes of it, `decodeCheckpoint` reads them. */
  save(): Promise<Checkpoint>;
  /** Frees what it has beside the model, once its calls are done. `await using` does it where the block ends. */
  close(): Promise<void>;
  /** `close`, for `await using trainer = await openTrainer(model, options)`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Where a training stands, as a schedule asks for it: what nobody told is asked for in vain, with a line that says so. */
export function placeOf(epoch: number, steps: number | null) {
  return {
    epoch,
    get steps(): number {
      if (steps !== null) return steps;
      throw new UserError(
        "The learning rate depends on how many steps there will be: say it, with `steps` of openTrainer or `iterations` " +
          "of train",
      );
    },
  };
}

/**
 * Compiles a step of training on batches that come one by one. The model's parameters change with each; `await using`
 * frees the rest. Throws `UserError` on options that are not allowed, or where memory does not suffice.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * await using trainer = await openTrainer(model, {
 *   batch: 2,
 *   optimizer: { sgd: { momentum: 0.9, weightDecay: 0 } },
 *   learningRate: { base: 0.1 },
 * });
 * const images = Float32Array.from({ length: 2 * 64 }, (_, i) => Math.floor(i / 64)); // one black, one white
 * for (let step = 0; step < 3; step++) await trainer.step({ images, labels: Uint32Array.of(0, 1) });
 * console.log((await trainer.metrics()).examples); // 6
 * ```
 */
export async function openTrainer(model: Model, options: TrainerOptions): Promise<Trainer> {
  return (await openParts(model, options)).trainer;
}

/** As `openTrainer`, with the session that it drives; for whoever knows the length, and which epoch it is. */
export async function openParts(
  model: Model,
  options: TrainerOptions,
  known: { readonly length?: LengthOptions; readonly epoch?: () => number } = {},
): Promise<{ readonly trainer: Trainer; readonly session: Session }> {
  const { own, release } = ownBuffers(model);
  try {
    const { steps = null, stepsPerEpoch = Infinity, from, seed = 0, microBatch = null, ...settings } = options;
    const session = sessionOf(own, { ...settings, seed }, known.length), { batch } = session.training;
    const { context, buffers, images: shape } = session;
    const images = new Float32Array(batch * elements(shape)), labels = new Uint32Array(batch);
    const none = labelledFor(session, { images, labels, count: batch, shape }, "an empty batch");
    const feed = await makeResident(context, buffers, "batch", none);
    const compiled = await compileStep(session, feed, { microBatch });
    if (from === undefined) await setLossScale(session);
    else await initialize(session, seed, from, "from");
    const place = from?.progress ?? initialProgress(seed);
    const epochOf = known.epoch ?? ((step: number) => Math.floor(step / stepsPerEpoch));
    await writeSums(session, NO_SUMS);
    const held = { session, feed, compiled, seed: place.seed, steps, epochOf, first: place.step, release };
    return { trainer: hold(model, held), session };
  } catch (error) {
    release();
    throw error;
  }
}

interface Held {
  readonly session: Session;
  /** One batch, which `step` writes anew. */
  readonly feed: Resident;
  readonly compiled: TrainingStep;
  readonly seed: number;
  readonly steps: number | null;
  readonly epochOf: (step: number) => number;
  readonly first: number;
  readonly release: () => void;
}

/** Writes a batch where the step reads it. */
async function feedBatch({ context, buffers }: Session, feed: Resident, { images, labels }: LabelledImages) {
  const size = elements(feed.shape);
  for (const { images: chunk, first, rows } of feed.chunks) {
    await writeTensor(context, buffers, chunk, images.slice(first * size, (first + rows) * size));
  }
  await writeTensor(context, buffers, feed.labels, copyOf(labels));
}

function hold(model: Model, held: Held): Trainer {
  const { session, feed, compiled, seed, steps, epochOf, release } = held, { rate, training: { batch } } = session;
  const loop = planLoop(session);
  let step = held.first, learningRate = NaN, turn: Promise<unknown> = Promise.resolve(), closed = false;
  /** Runs when all calls before are done, whether they failed or not. */
  const inTurn = <T>(call: () => Promise<T>): Promise<T> => {
    const result = turn.then(async () => {
      if (closed) throw new UserError("This trainer was closed: openTrainer opens another one");
      checkOpen(model);
      return await call();
    });
    turn = result.catch(() => {});
    return result;
  };
  const trainer: Trainer = {
    model,
    plan: compiled.plan,
    get learningRate() {
      return learningRate;
    },
    step: (given) =>
      inTurn(async () => {
        const name = `the batch of step ${step + 1}`, checked = checkBatch(session, given, batch, name);
        if (checked.count < batch) {
          throw new UserError(`Cannot use ${name}: it has ${checked.count} examples, a batch has ${batch}`);
        }
        learningRate = rate(step, placeOf(epochOf(step), steps));
        await loop.run(
          submissionsOf(session, compiled, { step, seed, learningRate, first: 0 }),
          () => feedBatch(session, feed, checked),
        );
        step++;
      }),
    metrics: () =>
      inTurn(async () => {
        await loop.finish();
        const { sums } = await readSums(session);
        checkFinite(session, sums, step);
        if (sums[2] === 0) throw new UserError("There are no metrics yet: no step was taken since the last call");
        await writeSums(session, NO_SUMS);
        return { ...meansOf(sums), examples: sums[2]! };
      }),
    save: () =>
      inTurn(async () => {
        await loop.finish();
        return await snapshot(session, compiled, { step, epoch: epochOf(step), seed, epochSeconds: 0 }, null);
      }),
    async close() {
      await turn;
      if (closed) return;
      closed = true;
      await loop.finish().catch(() => {}); // of a lost device
      destroyStep(compiled);
      release();
    },
    [Symbol.asyncDispose]: () => trainer.close(),
  };
  return trainer;
}
