/** A model in training: its options and moments; and the program of evaluation. That of training: training_step.ts. */
import type { Config } from "../configs/schema.ts";
import { arena } from "../core/graph/arena.ts";
import type { Context } from "../core/device/device.ts";
import type { ParamSpecs } from "../core/graph/layer.ts";
import { lossScaleTensor } from "../core/device/loss_scale_buffer.ts";
import { compile, type Plan } from "../core/device/plan.ts";
import { evalProgram } from "../core/graph/program.ts";
import { type Tensor, tensor } from "../core/graph/tensor.ts";
import type { Tuner } from "../core/graph/tuner.ts";
import { losses } from "../learning/losses/mod.ts";
import type { Loss } from "../core/graph/loss.ts";
import type { Optimizer } from "../core/graph/optimizer.ts";
import { scheduleOf } from "../learning/schedules/mod.ts";
import type { Schedule } from "../learning/schedules/schedule.ts";
import { optimizers } from "../learning/optimizers/mod.ts";
import { specsOf } from "./definition.ts";
import { type Model, modelOf, MOST_AT_ONCE } from "./model.ts";
import { batchOf, type Examples } from "./examples.ts";

export type Training = Config["training"];
export type Precision = Config["precision"];
export type Augment = NonNullable<Config["dataset"]["augment"]>;

/** What `fit` drives. */
export interface Session extends Model {
  /** As a config has it; what code gave as functions is beside it, built. */
  readonly training: Training;
  readonly optimizer: Optimizer;
  readonly rate: Schedule;
  /** What the schedule starts from; null where code gave it as a function. */
  readonly baseRate: number | null;
  readonly augment: Augment | null;
}

/** The parameters that a config's network has. Throws `UserError` where its shapes or classes do not fit. */
export function parameterSpecs(config: Config, batch = 1): ParamSpecs {
  return specsOf(config, batch).specs;
}

/** The names of what an optimizer keeps beside the parameters. */
export const momentsOf = ({ optimizer }: Pick<Training, "optimizer">): readonly string[] =>
  optimizers.build(optimizer).moments;

/** Lays out parameters and moments of a config, in its precision or what the device has; allocates nothing yet. */
export function openSession(context: Context, config: Config): Session {
  const { training, dataset, precision } = config;
  return sessionWith(modelOf(context, config), training, dataset.augment ?? null, precision);
}

/** What code may give as it is, instead of by its name in a config. */
export interface Own {
  readonly optimizer?: Optimizer | undefined;
  readonly rate?: Schedule | undefined;
  readonly loss?: Loss | undefined;
  readonly isTrainable?: ((name: string) => boolean) | undefined;
}

/** The model with moments, laid out but not allocated. Half precision is for devices that have it. */
export function sessionWith(
  model: Model,
  training: Training,
  augment: Augment | null,
  precision: Precision,
  own: Own = {},
): Session {
  const { specs, context } = model, optimizer = own.optimizer ?? optimizers.build(training.optimizer);
  const moments = Object.fromEntries(optimizer.moments.map((name) => [name, arena(name, specs, context.limits)]));
  const lossScale = precision === "f16" && context.limits.f16 === true ? lossScaleTensor() : null;
  const loss = own.loss ?? (training.loss === undefined ? model.loss : losses.build(training.loss));
  const rate = own.rate ?? scheduleOf(training.learningRate);
  return {
    ...model,
    moments,
    loss,
    batch: training.batch,
    training,
    optimizer,
    rate,
    baseRate: own.rate === undefined ? training.learningRate.base : null,
    isTrainable: own.isTrainable,
    augment,
    lossScale,
  };
}

/** A compiled evaluation: the plan, its batch, and where it leaves metrics and logits. */
export interface Evaluation {
  readonly plan: Plan;
  readonly batch: number;
  readonly data: Examples;
  readonly metrics: Tensor;
  readonly logits: Tensor;
}

/** Examples of one batch of an evaluation of `count`: its activations need not exceed those of training. */
export function evaluationBatch(model: Model, count: number): number {
  return Math.min(MOST_AT_ONCE, model.batch, count);
}

/** The evaluation of batches of `data`; its metrics are its own. */
export function evaluationProgram(model: Model, data: Examples) {
  const batch = evaluationBatch(model, data.count);
  const metrics = tensor("evaluation/metrics", [4], { lifetime: "persistent" });
  const canvas = model.canvas === null ? null : { ...model.canvas, distortion: null };
  return { ...evalProgram({ ...model, metrics }, batchOf(data, model.step, batch, { canvas })), batch, metrics };
}

/** Compiles the evaluation of batches of `data`. */
export async function compileEvaluation(
  model: Model,
  data: Examples,
  tuner: Tuner = model.tuner,
  onCompiled?: (done: number) => void,
): Promise<Evaluation> {
  const { batch, metrics, logits, ...program } = evaluationProgram(model, data);
  const plan = await compile(model.context, program, tuner, model.buffers, onCompiled);
  return { plan, batch, data, metrics, logits };
}
