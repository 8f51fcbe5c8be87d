/** A model in training: its options and optimizer state; and the programs of training and evaluation. */
import type { Config } from "../configs/schema.ts";
import { arena } from "../core/arena.ts";
import type { Context } from "../core/device.ts";
import type { ParamSpecs } from "../core/layer.ts";
import { type Optimizer, sgd } from "../core/optimizer.ts";
import { compile, type Plan } from "../core/plan.ts";
import { evalProgram } from "../core/program.ts";
import { type Tensor, tensor } from "../core/tensor.ts";
import type { Tuner } from "../core/tuner.ts";
import { type Model, modelOf, specsOf } from "./model.ts";
import { gatherBatch, type Resident } from "./resident.ts";

export type Training = Config["training"];
export type Augment = NonNullable<Config["dataset"]["augment"]>;

/** What `fit` drives. */
export interface Session extends Model {
  readonly training: Training;
  readonly augment: Augment | null;
}

/** The parameters that a config's network has. Throws `UserError` where its shapes or classes do not fit. */
export function parameterSpecs(config: Config, batch = 1): ParamSpecs {
  return specsOf(config, batch).specs;
}

/** Lays out parameters and optimizer state of a config; allocates nothing yet. */
export function openSession(context: Context, config: Config): Session {
  return trainable(modelOf(context, config), config.training, config.dataset.augment ?? null);
}

/** The model with an optimizer state, laid out but not allocated. */
export function trainable(model: Model, training: Training, augment: Augment | null): Session {
  const names = optimizerOf(training).state, { specs, context } = model;
  const state = Object.fromEntries(names.map((name) => [name, arena(name, specs, context.limits)]));
  return { ...model, state, batch: training.batch, training, augment };
}

export function optimizerOf({ optimizer }: Training): Optimizer {
  return sgd(optimizer.sgd);
}

/** A compiled evaluation: the plan, its batch, and where it leaves metrics and logits. */
export interface Evaluation {
  readonly plan: Plan;
  readonly batch: number;
  readonly data: Resident;
  readonly metrics: Tensor;
  readonly logits: Tensor;
}

/** Most examples of one evaluation batch: its activations need not exceed those of training. */
const EVALUATION_BATCH = 128;

/** The evaluation of batches of `data`; its metrics are its own. */
export function evaluationProgram(model: Model, data: Resident) {
  const batch = Math.min(EVALUATION_BATCH, model.batch, data.count);
  const metrics = tensor("evaluation/metrics", [4], { lifetime: "persistent" });
  const canvas = model.canvas === null ? null : { ...model.canvas, distortion: null };
  return { ...evalProgram({ ...model, metrics }, gatherBatch(data, model.step, batch, { canvas })), batch, metrics };
}

/** Compiles the evaluation of batches of `data`. */
export async function compileEvaluation(
  model: Model,
  data: Resident,
  tuner: Tuner = model.tuner,
): Promise<Evaluation> {
  const { batch, metrics, logits, ...program } = evaluationProgram(model, data);
  const plan = await compile(model.context, program, tuner, model.buffers);
  return { plan, batch, data, metrics, logits };
}
