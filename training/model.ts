/** A network with its parameters on a device: what one trains, evaluates, saves, and predicts with. */
import type { Config } from "../configs/schema.ts";
import { arena } from "../core/graph/arena.ts";
import type { Context } from "../core/device/device.ts";
import { UserError } from "../core/host/errors.ts";
import type { Layer, ParamSpecs } from "../core/graph/layer.ts";
import type { Buffers } from "../core/device/plan.ts";
import type { BoundNetwork } from "../core/graph/program.ts";
import type { Loss } from "../core/graph/loss.ts";
import { stepTensor } from "../core/graph/step_data.ts";
import { tensor } from "../core/graph/tensor.ts";
import { writeTensor } from "../core/device/transfer.ts";
import { defaultTuner, type Tuner } from "../core/graph/tuner.ts";
import { type Canvas, canvasOf } from "../data/canvas.ts";
import type { ImageShape } from "../data/dataset.ts";
import { imageShape } from "../data/datasets/mod.ts";
import type { Whitening } from "../data/whitening.ts";
import { checkedInit, type InitConfig, initialParams } from "../learning/initial_values/mod.ts";
import { DEFAULT_LOSS, type LossConfig, losses, lossOf } from "../learning/losses/mod.ts";
import { type Definition, definitionOf, specsOf } from "./definition.ts";
import { type Users, users } from "./users.ts";
import { checkOpen, type HostParams, type ParamStore, writeParams } from "./params.ts";

/**
 * A network, its parameters on a device, and what its programs share. Plain data: functions take it as their first
 * argument. `closeModel` frees its memory.
 */
export interface Model extends BoundNetwork, ParamStore {
  /** [height, width, channels] of what the network takes. */
  readonly input: ImageShape;
  /** The shape of images in a data set: smaller than `input` where there is a canvas. */
  readonly images: ImageShape;
  /** What images are placed on before the network sees them, or null. */
  readonly canvas: Canvas | null;
  /** How many classes the network tells apart: labels are 0 ... classes - 1. */
  readonly classes: number;
  /** The shape and initial values of each parameter, by name: "conv1/w". */
  readonly specs: ParamSpecs;
  /** `specs`, and those of the state that layers keep: what a file of the model has. */
  readonly saved: ParamSpecs;
  /** The persistent buffers that all plans share. */
  readonly buffers: Buffers;
  /** Examples of a batch: of a step where it is in training; whatever else computes takes at most so many at once. */
  readonly batch: number;
  /** Chooses the kernels. */
  readonly tuner: Tuner;
  /** The config that the network is from, or null where it was built in code. */
  readonly config: Config | null;
  /** The whitening that its images went through, or null. */
  readonly whitening: Whitening | null;
  /** What `predict` waits in, by network: `poolModel` has another one. */
  readonly queues: Map<Layer, { readonly free: () => void }>;
  /** Who computes with it at the moment. */
  readonly users: Users;
  /** `closeModel`, for `using model = ...`. */
  [Symbol.dispose](): void;
}

/** What goes with a model beside its network and its parameters. */
export interface ModelOptions {
  /** Chooses the kernels; the default takes each kernel's default. */
  readonly tuner?: Tuner;
  /** What its outputs are compared with, in training and evaluation; unless given, as the config says, or softmax and cross-entropy. */
  readonly loss?: LossConfig | Loss | undefined;
  /** What the config's zca step does: of a run's folder, or from `whiteningFor`. */
  readonly whitening?: Whitening | null;
}

/** Examples of a batch where no config says it, and of evaluations: more are hardly faster, and take more memory. */
export const MOST_AT_ONCE = 128;

/** Lays out the parameters of a network; allocates nothing yet. Throws `UserError` where its shapes do not fit. */
export function modelOf(context: Context, definition: Definition | Config, options: ModelOptions = {}): Model {
  const { specs, state, saved, classes } = specsOf(definition), config = "input" in definition ? null : definition;
  const { network, input } = "input" in definition ? definition : definitionOf(definition);
  const model: Model = {
    context,
    network,
    input,
    images: config === null ? input : imageShape(config.dataset),
    canvas: config === null ? null : canvasOf(config.dataset),
    classes,
    specs,
    saved,
    params: arena("params", specs, context.limits),
    state: arena("state", state, context.limits),
    moments: {},
    loss: options.loss !== undefined ? lossOf(options.loss) : losses.build(config?.training.loss ?? DEFAULT_LOSS),
    step: stepTensor(),
    metrics: tensor("metrics", [4], { lifetime: "persistent" }),
    lossScale: null,
    buffers: new Map(),
    batch: config?.training.batch ?? MOST_AT_ONCE,
    tuner: options.tuner ?? defaultTuner(context.limits),
    config,
    whitening: options.whitening ?? null,
    queues: new Map(),
    users: users(),
    [Symbol.dispose]: () => closeModel(model),
  };
  return model;
}

/** As `modelOf`, with the buffers that all programs share, and `params` in them. */
export async function placeModel(
  context: Context,
  definition: Definition | Config,
  params: (specs: ParamSpecs) => HostParams,
  options: ModelOptions,
): Promise<Model> {
  const model = modelOf(context, definition, options);
  await writeParams(model, params(model.saved));
  await writeTensor(context, model.buffers, model.step, new Uint32Array(4));
  await writeTensor(context, model.buffers, model.metrics, new Float32Array(4));
  return model;
}

/**
 * A network with initial parameters on a device: weights drawn by `seed` and `init` (normal, of deviation
 * sqrt(2 / fan-in), unless said otherwise), biases as their layers say. `definition` is a config, or a network built in code and the shape of its images. Throws
 * `UserError` where the shapes do not fit, or the memory of the device does not suffice.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] }, { seed: 1 });
 * console.log(model.classes, Object.keys(model.specs)); // 3 [ 'conv1/w', 'conv1/b' ]
 *
 * const quickstart = await openModel(device, await loadConfig("quickstart"));
 * console.log(quickstart.input, quickstart.classes); // [ 32, 32, 3 ] 10
 * ```
 */
export async function openModel(
  context: Context,
  definition: Definition | Config,
  { seed = 0, init, ...options }: ModelOptions & { readonly seed?: number; readonly init?: InitConfig } = {},
): Promise<Model> {
  checkSeed(seed);
  return await placeModel(context, definition, (specs) => initialParams(specs, seed, checkedInit(init)), options);
}

/** Throws `UserError` on a seed that is no unsigned 32-bit integer. */
export function checkSeed(seed: number): void {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new UserError(`Cannot use seed ${seed}: expected a whole number from 0 to 2^32 - 1`);
  }
}

/**
 * Frees the memory of a model on its device; the model cannot be used any more. What is being computed with it goes on
 * to its end, and the memory is freed then. `using model = await openModel(...)` closes it where its block ends.
 *
 * @example
 * ```ts
 * const network = sequential("tiny", [conv("conv1", { channels: 3, kernel: 3 }), globalAveragePool("average")]);
 * const model = await openModel(device, { network, input: [8, 8, 1] });
 * closeModel(model);
 * ```
 */
export function closeModel({ buffers, queues, users }: Model): void {
  const closed = [...buffers.values()];
  buffers.clear(); // from here on it counts as closed
  users.whenEmpty(() => {
    queues.forEach((queue) => queue.free());
    queues.clear();
    closed.forEach((buffer) => buffer.destroy());
  });
}

/** A copy of a model whose further buffers are its own. */
export interface OwnBuffers<M extends Model> {
  readonly own: M;
  /** Frees these buffers. Whoever has the copy must call it: the memory of a closed model waits for that. */
  release(): void;
}

export function ownBuffers<M extends Model>(model: M): OwnBuffers<M> {
  checkOpen(model);
  const shared = new Set(model.buffers.values()), buffers: Buffers = new Map(model.buffers);
  const leave = model.users.enter();
  return {
    own: { ...model, buffers },
    release() {
      for (const buffer of buffers.values()) if (!shared.has(buffer)) buffer.destroy();
      leave();
    },
  };
}

/** Runs `body` with a copy of the model whose further buffers are its own, and freed at the end. */
export async function withOwnBuffers<M extends Model, T>(model: M, body: (model: M) => Promise<T>): Promise<T> {
  const { own, release } = ownBuffers(model);
  try {
    return await body(own);
  } finally {
    release();
  }
}
