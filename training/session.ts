/** A network with its data on the device, ready to train and evaluate: what fit() and evaluate() drive. */
import type { Config } from "../configs/schema.ts";
import { type Arena, arena } from "../core/arena.ts";
import type { Context } from "../core/device.ts";
import { UserError } from "../core/errors.ts";
import type { ParamSpecs } from "../core/layer.ts";
import { sgd } from "../core/optimizer.ts";
import { type Buffers, compile, type Plan } from "../core/plan.ts";
import { evalProgram, type Model, type Program, trainProgram } from "../core/program.ts";
import { stepTensor } from "../core/step.ts";
import { type Tensor, tensor } from "../core/tensor.ts";
import { readTensors, writeTensor } from "../core/transfer.ts";
import { defaultTuner, type Tuner } from "../core/tuner.ts";
import { buildNetwork } from "../layers/mod.ts";
import { classNames, IMAGE_SHAPE } from "./datasets.ts";
import { gatherBatch, type Resident } from "./resident.ts";

/** The named tensors of parameters and optimizer state on the host. */
export type HostParams = Readonly<Record<string, Float32Array>>;

export interface Session {
  readonly context: Context;
  readonly config: Config;
  readonly model: Model;
  readonly specs: ParamSpecs;
  /** Optimizer state by name ("velocity"), laid out like the parameters. */
  readonly state: Readonly<Record<string, Arena>>;
  /** The persistent buffers that all plans share. */
  readonly buffers: Buffers;
}

/** The parameters that a config's network has. Throws `UserError` where its shapes or classes do not fit. */
export function parameterSpecs(config: Config, batch = 1): ParamSpecs {
  const { output, params } = buildNetwork(config.name, config.network).init([batch, ...IMAGE_SHAPE]);
  const classes = classNames(config.dataset).length;
  if (output[1] !== 1 || output[2] !== 1 || output[3] !== classes) {
    throw new UserError(
      `Cannot classify with network "${config.name}": it ends with [${output.join(", ")}], ` +
        `${config.dataset.name} needs [${batch}, 1, 1, ${classes}]`,
    );
  }
  return params;
}

/** Lays out parameters and optimizer state; allocates nothing yet. */
export function openSession(context: Context, config: Config): Session {
  const specs = parameterSpecs(config);
  const metrics = tensor("metrics", [4], { lifetime: "persistent" });
  return {
    context,
    config,
    specs,
    model: {
      network: buildNetwork(config.name, config.network),
      params: arena("params", specs, context.limits),
      step: stepTensor(),
      metrics,
    },
    state: Object.fromEntries(optimizerOf(config).state.map((name) => [name, arena(name, specs, context.limits)])),
    buffers: new Map(),
  };
}

function optimizerOf(config: Config) {
  return sgd(config.training.optimizer.sgd);
}

/** One step of training on batches of `data`, as it is traced. Throws `UserError` where there are too few examples. */
export function trainingProgram({ context, config, model, specs, state }: Session, data: Resident): Program {
  const { batch } = config.training;
  if (batch > data.count) {
    throw new UserError(`Cannot train with batches of ${batch}: there are ${data.count} training examples`);
  }
  return trainProgram(model, gatherBatch(data, model.step, batch, config.dataset.augment), {
    optimizer: optimizerOf(config),
    grads: arena("grads", specs, context.limits),
    state,
  });
}

/** Compiles one step of training on batches of `data`. */
export async function compileTraining(session: Session, data: Resident, tuner: Tuner): Promise<Plan> {
  return await compile(session.context, trainingProgram(session, data), tuner, session.buffers);
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
export function evaluationProgram({ config, model }: Session, data: Resident) {
  const batch = Math.min(EVALUATION_BATCH, config.training.batch, data.count);
  const metrics = tensor("evaluation/metrics", [4], { lifetime: "persistent" });
  return { ...evalProgram({ ...model, metrics }, gatherBatch(data, model.step, batch)), batch, metrics };
}

/** Compiles the evaluation of batches of `data`. */
export async function compileEvaluation(
  session: Session,
  data: Resident,
  tuner: Tuner = defaultTuner(session.context.limits),
): Promise<Evaluation> {
  const { batch, metrics, logits, ...program } = evaluationProgram(session, data);
  const plan = await compile(session.context, program, tuner, session.buffers);
  return { plan, batch, data, metrics, logits };
}

/** Sets the parameters, and the optimizer state if given (else zero). */
export async function setParams(
  { context, buffers, model, state }: Session,
  params: HostParams,
  optimizerState: Readonly<Record<string, HostParams>> = {},
): Promise<void> {
  const arenas: [Arena, HostParams][] = [
    [model.params, params],
    ...Object.entries(state).map(([name, arena]): [Arena, HostParams] => [arena, optimizerState[name] ?? {}]),
  ];
  for (const [arena, values] of arenas) {
    for (const window of arena.windows) {
      const flat = new Float32Array(window.shape[0]!);
      for (const [name, view] of Object.entries(arena.views)) {
        if (view.buffer === window.buffer && values[name] !== undefined) flat.set(values[name], view.offset / 4);
      }
      await writeTensor(context, buffers, window, flat);
    }
  }
}

/** Parameters under their names and optimizer state under "velocity/...", read back from the device. */
export async function getParams(
  { context, buffers, model, state }: Session,
): Promise<Record<string, { shape: readonly number[]; data: Float32Array }>> {
  const named = [
    ...Object.entries(model.params.views),
    ...Object.entries(state).flatMap(([prefix, { views }]) =>
      Object.entries(views).map(([name, view]): [string, Tensor] => [`${prefix}/${name}`, view])
    ),
  ];
  const bytes = await readTensors(context, buffers, named.map(([, view]) => view));
  return Object.fromEntries(
    named.map(([name, { shape }], index) => [name, { shape, data: new Float32Array(bytes[index]!) }]),
  );
}
