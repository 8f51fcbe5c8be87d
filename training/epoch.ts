/** One epoch of training: a step for each batch, and what they add up to. Knows nothing of checkpoints or evaluations. */
import type { PlanLoop } from "../core/device/run_plans.ts";
import type { LossScale } from "../core/device/loss_scale_buffer.ts";
import { UserError } from "../core/host/errors.ts";
import type { Schedule } from "../learning/schedules/schedule.ts";
import { checkFinite, checkUpdates } from "./diverged.ts";
import { type Examples, startPass } from "./examples.ts";
import { type Length, stepsBefore, stepsIn } from "./length.ts";
import { runPass } from "./pass.ts";
import type { Session } from "./session.ts";
import type { Stopwatch } from "./stopwatch.ts";
import { readSums } from "./sums.ts";
import { submissionsOf, type TrainingStep } from "./training_step.ts";

/** What all epochs of a training share. */
export interface Course {
  readonly train: Examples;
  readonly step: TrainingStep;
  readonly seed: number;
  readonly length: Length;
  readonly rate: Schedule;
  readonly loop: PlanLoop;
  /** Runs during the steps; tells the seconds of this epoch. */
  readonly watch: Stopwatch;
}

/** What an epoch added up to. */
export interface Trained {
  readonly sums: readonly number[];
  readonly lossScale: LossScale | null;
  /** Of pictures that stream through the device: those that could not be read, and the share of time they were awaited. */
  readonly streaming: { readonly skipped: number; readonly waitingPercent: number } | null;
}

/**
 * Takes the steps of epoch `epoch`, counted from 0, of which `from` are done. After each, `after` hears how many are done
 * by now and ends the epoch where it returns false; null is returned then. Throws `UserError` where no picture could be
 * read, `DivergedError` where the loss is no number.
 */
export async function runEpoch(
  session: Session,
  { train, step: compiled, seed, length, rate, loop, watch }: Course,
  { epoch, from }: { readonly epoch: number; readonly from: number },
  after: (done: number) => Promise<boolean> | boolean,
): Promise<Trained | null> {
  const { batch } = session.training, firstStep = stepsBefore(length, epoch), steps = stepsIn(length, epoch);
  const distorts = epoch < length.epochs - (session.canvas?.lastEpochsPlain ?? 0);
  const pass = await startPass(session, train, {
    batch,
    batches: steps - from,
    training: { seed, epoch, firstStep: firstStep + from, first: from * batch, distorts },
  });
  const secondsBefore = watch.seconds(), waitedBefore = loop.waitedSeconds();
  watch.start();
  const whole = await runPass(loop, pass, steps - from, {
    step(n) {
      const done = from + n, step = firstStep + done, learningRate = rate(step, { epoch, steps: length.steps });
      return submissionsOf(session, compiled, { step, seed, learningRate, first: done * batch });
    },
    after: (n) => after(from + n + 1),
  });
  if (whole) await loop.finish();
  watch.stop();
  if (!whole) return null;
  const { sums, lossScale } = await readSums(session), skipped = steps * batch - sums[2]!;
  checkFinite(session, sums, firstStep + steps);
  checkUpdates(lossScale, epoch, steps);
  if (sums[2] === 0) throw new UserError(`None of the ${skipped} images of epoch ${epoch + 1} could be read`);
  const seconds = Math.max(1e-9, watch.seconds() - secondsBefore);
  const waitingPercent = 100 * (loop.waitedSeconds() - waitedBefore) / seconds;
  return { sums, lossScale, streaming: pass.next === null ? null : { skipped, waitingPercent } };
}
