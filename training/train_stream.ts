/** Training on batches that come one by one: epochs over streams whose length nobody knows beforehand. */
import { firstLine, UserError } from "../core/host/errors.ts";
import type { LabelledImages } from "../data/dataset.ts";
import type { EpochMetrics } from "../report/metrics.ts";
import { ahead, type Batches, checkBatch, type ExampleBatch, fillBatch } from "./batches.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { checkpointPolicy } from "./checkpoint_policy.ts";
import { type Evaluator, openEvaluator } from "./evaluate.ts";
import type { Model } from "./model.ts";
import type { Session } from "./session.ts";
import { openParts, type Trainer } from "./trainer.ts";
import type { LengthOptions, StepOptions } from "./training_options.ts";

/** What is called meanwhile. */
export interface StreamHooks {
  readonly validation: LabelledImages | undefined;
  readonly save: (checkpoint: Checkpoint) => Promise<void>;
  /** Ends the training where it returns "stop". */
  readonly onEpoch: (rows: readonly EpochMetrics[]) => Promise<unknown>;
  readonly interrupted: () => boolean;
}

/** The batches of one epoch, each of `batch` examples. Throws `UserError` where one does not fit, or the stream fails. */
async function* wholeBatches(
  session: Session,
  stream: AsyncIterable<ExampleBatch> | Iterable<ExampleBatch>,
  { batch, remainder = "drop", epoch }: Pick<LengthOptions, "remainder"> & { batch: number; epoch: number },
): AsyncGenerator<ExampleBatch> {
  let at = 0, whole = 0, short: LabelledImages | null = null;
  const name = () => `batch ${at} of epoch ${epoch + 1}`;
  const batches = ahead(stream);
  try {
    for (;;) {
      const { value, done } = await batches.next().catch((error) => {
        if (error instanceof UserError) throw error;
        throw new UserError(`Cannot go on after ${name()}: the stream of batches failed: ${firstLine(error)}`);
      });
      if (done === true) break;
      if (short !== null) {
        throw new UserError(
          `Cannot use ${name()}: it has ${short.count} examples, a batch has ${batch}; only the last of an ` +
            "epoch may have fewer",
        );
      }
      at++;
      const checked = checkBatch(session, value, batch, name());
      if (checked.count < batch) {
        short = checked;
        continue;
      }
      whole++;
      yield value;
    }
  } finally {
    await batches.return(undefined);
  }
  if (short !== null && remainder === "fill") {
    whole++;
    yield fillBatch(short, batch);
  }
  if (whole > 0) return;
  if (short !== null) {
    throw new UserError(
      `Cannot train with batches of ${batch}: epoch ${epoch + 1} has ${short.count} examples`,
    );
  }
  throw new UserError(
    `Cannot train: the stream of epoch ${epoch + 1} has no batch` +
      (epoch === 0 ? "" : "; a generator ends for good, so give a function that begins one for each epoch"),
  );
}

/** Takes the steps of one epoch, at most so many; `between` runs between two of them, so not behind the last. */
async function runEpochOf(
  trainer: Trainer,
  batches: AsyncIterable<ExampleBatch>,
  most: number,
  { between, interrupted }: Pick<StreamHooks, "interrupted"> & { readonly between: () => Promise<void> },
): Promise<{ readonly steps: number; readonly whole: boolean }> {
  let steps = 0;
  for await (const batch of batches) {
    if (steps > 0) await between();
    await trainer.step(batch);
    if (++steps >= most || interrupted()) return { steps, whole: !interrupted() };
  }
  return { steps, whole: true };
}

/** Trains on streams until the last epoch or iteration, or somebody ends it. Throws `UserError` as they do. */
export async function fitStream(
  model: Model,
  source: Batches,
  { length, ...step }: StepOptions & { readonly length: LengthOptions },
  { validation, save, onEpoch, interrupted }: StreamHooks,
): Promise<void> {
  const { iterations } = length, known = iterations === undefined ? {} : { steps: iterations };
  let epoch = 0;
  const { trainer, session } = await openParts(model, { ...step, ...known }, { length, epoch: () => epoch });
  const { batch, epochs = Infinity, evaluateEvery, checkpointMinutes } = session.training;
  let evaluator: Evaluator | null = null;
  try {
    if (validation !== undefined) evaluator = await openEvaluator(session, validation, "the validation data");
    const checkpoints = checkpointPolicy(checkpointMinutes), rows: EpochMetrics[] = [];
    const saveNow = async () => {
      await save(await trainer.save());
      checkpoints.saved();
    };
    const saveIfDue = async () => {
      if (checkpoints.due("step")) await saveNow();
    };
    await saveNow();
    for (let left = iterations ?? Infinity; epoch < epochs && left > 0;) {
      const began = performance.now(), stream = typeof source === "function" ? source(epoch) : source;
      const batches = wholeBatches(session, stream, { batch, remainder: length.remainder, epoch });
      const { steps, whole } = await runEpochOf(trainer, batches, left, { between: saveIfDue, interrupted });
      left -= steps;
      if (!whole) break;
      const { loss, error } = await trainer.metrics(), seconds = (performance.now() - began) / 1000;
      const last = epoch + 1 === epochs || left <= 0;
      const score = last || (epoch + 1) % evaluateEvery === 0 ? await evaluator?.run() : undefined;
      rows.push({
        epoch: epoch + 1,
        learningRate: trainer.learningRate,
        trainLoss: loss,
        trainError: error,
        testLoss: score?.loss ?? null,
        testError: score?.error ?? null,
        imagesPerSecond: steps * batch / seconds,
        seconds: (performance.now() - began) / 1000,
      });
      epoch++;
      if (await onEpoch(rows) === "stop") break;
      if (!last) await saveIfDue();
    }
    if (epochs > 0) await saveNow();
  } finally {
    evaluator?.close();
    await trainer.close();
  }
}
