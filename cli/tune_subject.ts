/** What `allcnn tune` tunes: the ops of a config's training and evaluation, or one convolution. */
import { loadConfig } from "../configs/load.ts";
import type { Context } from "../core/device/device.ts";
import { fuse } from "../core/graph/fuse.ts";
import type { Op } from "../core/graph/op.ts";
import { defaultTuner } from "../core/graph/tuner.ts";
import { UserError } from "../core/host/errors.ts";
import { print } from "../core/host/process.ts";
import { cachedTuner } from "../core/tune/tune.ts";
import type { TuneCache } from "../core/tune/tune_cache.ts";
import { tasksOf } from "../core/tune/tune_task.ts";
import { precisionNote } from "../training/precision.ts";
import { evaluationProgram } from "../training/session.ts";
import { fittingSizes, stepPrograms } from "../training/training_step.ts";
import type { Arguments } from "./arguments.ts";
import { convOps } from "./conv_ops.ts";
import { compareSteps, openTimedStep } from "./timed_step.ts";

/** What is tuned: its ops, and how to time the whole step once that is done. */
export interface Subject {
  readonly title: string;
  readonly ops: readonly Op[];
  readonly compare: ((cache: TuneCache, trusted: ReadonlySet<string>) => Promise<number[]>) | null;
}

export async function subjectOf(context: Context, args: Arguments): Promise<Subject | null> {
  const path = args.positional(0), conv = args.text("conv"), batch = args.integer("batch", 1);
  if (conv !== null) {
    if (path !== null) throw new UserError("--conv cannot be used with a CONFIG");
    if (batch !== null) throw new UserError("--batch cannot be used with --conv, whose first number is the batch");
    if (args.list("set").length > 0) throw new UserError("--set cannot be used with --conv, which has no config");
    return { title: `Convolution ${conv}`, ops: convOps(conv), compare: null };
  }
  if (path === null) return null;
  const config = await loadConfig(path, [...args.list("set"), ...(batch === null ? [] : [`training.batch=${batch}`])]);
  const note = precisionNote(config.precision, context.limits);
  if (note !== null) print(note);
  const { session, data } = await openTimedStep(context, config);
  const { part, update } = stepPrograms(session, data, (await fittingSizes(session, data))[0]);
  const training = [part, ...(update === null ? [] : [update])].flatMap((program) => fuse(program).ops);
  const evaluation = fuse(evaluationProgram(session, data)).ops;
  // Without dropout, some convolutions of an evaluation are other problems than those of training.
  const known = new Set((await tasksOf(training, context.limits)).map(({ key }) => key));
  const others = (await tasksOf(evaluation, context.limits)).filter(({ key }) => !known.has(key));
  return {
    title: `${config.name}, batch ${config.training.batch}`,
    ops: [...training, ...others.map(({ op }) => ({ ...op, label: `evaluate/${op.label}` }))],
    compare: async (cache, trusted) =>
      await compareSteps(session, data, [defaultTuner(context.limits), cachedTuner(context, cache, print, trusted)]),
  };
}
