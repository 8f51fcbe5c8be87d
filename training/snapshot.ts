/** Between a session on the device and a checkpoint on the host. */
import { initialParams } from "../learning/initial_values/mod.ts";
import { architectureOf } from "./architecture.ts";
import { type Checkpoint, type Progress, select } from "./checkpoint.ts";
import { checkFinite } from "./diverged.ts";
import type { Model } from "./model.ts";
import { getParams, writeParams } from "./params.ts";
import { setLossScale } from "./precision.ts";
import type { Session } from "./session.ts";
import { readSums } from "./sums.ts";
import { kernelsOf, type TrainingStep } from "./training_step.ts";

export function initialProgress(seed: number): Progress {
  return { step: 0, epoch: 0, seed, metrics: [0, 0, 0, 0], epochSeconds: 0 };
}

/** Sets parameters, state, moments and loss scale to the seed's initial values or to the checkpoint's. */
export async function initialize(session: Session, seed: number, checkpoint: Checkpoint | null, source: string) {
  const { specs, saved, moments, training } = session;
  await setLossScale(session, checkpoint?.progress?.lossScale);
  if (checkpoint === null) return await writeParams(session, initialParams(saved, seed, training.init));
  const kept = Object.keys(moments).map((name) => [name, select(checkpoint, specs, source, `${name}/`)]);
  await writeParams(session, select(checkpoint, saved, source), Object.fromEntries(kept));
}

/** What a checkpoint says beside the parameters. */
interface Origin {
  /** Null where nothing was trained. */
  readonly progress: Progress | null;
  /** What was compiled, which an exact resume replays; null where nothing was. */
  readonly step: TrainingStep | null;
  readonly whitening: string | null;
}

/** The parameters of a model, and its optimizer state, if any, with where they come from. */
export async function checkpointOf(model: Model, { progress, step, whitening }: Origin): Promise<Checkpoint> {
  const { config, context: { scope } } = model, none = { tunings: {}, shaders: "" };
  const { tunings, shaders } = step === null ? none : kernelsOf(step);
  const microBatch = step?.microBatch ?? null, tensors = await getParams(model);
  return { config, ...architectureOf(model), progress, microBatch, tunings, scope, shaders, whitening, tensors };
}

/**
 * The checkpoint of a training after `step` steps and `epoch` epochs. Waits for the device. Throws `DivergedError` where
 * loss or parameters are no numbers.
 */
export async function snapshot(
  session: Session,
  compiled: TrainingStep,
  { step, epoch, seed, epochSeconds }: Pick<Progress, "step" | "epoch" | "seed" | "epochSeconds">,
  whitening: string | null,
): Promise<Checkpoint> {
  const { sums: metrics, lossScale } = await readSums(session);
  checkFinite(session, metrics, step);
  const progress = { step, epoch, seed, metrics, epochSeconds, ...(lossScale === null ? {} : { lossScale }) };
  const checkpoint = await checkpointOf(session, { progress, step: compiled, whitening });
  // The loss is that of the parameters before the last update, which may have overflowed since.
  for (const { data } of Object.values(checkpoint.tensors)) {
    if (!data.every(Number.isFinite)) checkFinite(session, [NaN], step + 1);
  }
  return checkpoint;
}
