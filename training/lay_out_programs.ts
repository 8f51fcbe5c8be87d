/** The programs of a config, laid out but not compiled: for whoever wants to read them. Needs no device. */
import type { Config } from "../configs/schema.ts";
import type { Context } from "../core/device/device.ts";
import { type Layout, layOut } from "../core/graph/layout.ts";
import type { Params } from "../core/graph/layer.ts";
import type { Program } from "../core/graph/program.ts";
import type { Tuner } from "../core/graph/tuner.ts";
import { evaluationProgram, openSession } from "./session.ts";
import { checkMicroBatch, fittingSizes, stepPrograms } from "./training_step.ts";
import { unreadExamples } from "./unread_examples.ts";

/** A program, and how often a step or a batch runs it. */
export interface LaidOut {
  /** "training step of 128" */
  readonly name: string;
  readonly runs: number;
  readonly layout: Layout;
  /** The tensors of the network's parameters, by name. */
  readonly params: Params;
}

export interface LayOutOptions {
  readonly mode: "train" | "eval";
  /** Examples at a time; null: as many as fit. */
  readonly microBatch: number | null;
  readonly tuner: Tuner;
}

/**
 * The programs of a training step: one, or where the batch is cut into micro-batches the part and the update; or that of
 * a batch of evaluation. Throws `UserError` where the network does not fit its images or the device.
 */
export async function layOutPrograms(
  context: Context,
  config: Config,
  { mode, microBatch, tuner }: LayOutOptions,
): Promise<LaidOut[]> {
  const session = openSession(context, config), { batch } = config.training;
  const laidOut = async (name: string, program: Program, runs = 1): Promise<LaidOut> => ({
    name,
    runs,
    layout: await layOut(program, tuner, context.limits),
    params: session.params.views,
  });
  if (mode === "eval") {
    const { batch, ...program } = evaluationProgram(session, unreadExamples(session, config.dataset, "test"));
    return [await laidOut(`evaluation of ${batch} images`, program)];
  }
  if (microBatch !== null) checkMicroBatch(batch, microBatch);
  const data = unreadExamples(session, config.dataset, "train");
  const size = microBatch ?? (await fittingSizes(session, data))[0]!;
  const { part, update } = stepPrograms(session, data, size);
  if (update === null) return [await laidOut(`training step of ${batch} images`, part)];
  return [
    await laidOut(`micro-batch of ${size} images`, part, batch / size),
    await laidOut(`update after the ${batch / size} micro-batches`, update),
  ];
}
