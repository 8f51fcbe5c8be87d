/** Programs: what one run of the GPU does, as a static list of ops. */
import { accumulate } from "../../kernels/train/accumulate.ts";
import { accumulateMetrics } from "../../kernels/train/accumulate_metrics.ts";
import { checkFinite, updateScale } from "../../kernels/train/loss_scale.ts";
import type { Arena } from "./arena.ts";
import { clipNormOps } from "./clip_ops.ts";
import { halfLayer } from "./half_layer.ts";
import type { Layer, Params } from "./layer.ts";
import type { Loss, LossGradient } from "./loss.ts";
import { type Op, op } from "./op.ts";
import { type Optimizer, partsOf } from "./optimizer.ts";
import { elements, reshape, type Tensor, tensor } from "./tensor.ts";

/** What one run of the GPU does. */
export interface Program {
  /** The ops, in the order in which they run. */
  readonly ops: readonly Op[];
  /** Tensors that must still hold their values when the program has run. */
  readonly keep: readonly Tensor[];
}

/** A network bound to the persistent tensors that its programs share. */
export interface BoundNetwork {
  /** The network. */
  readonly network: Layer;
  /** Its parameters. */
  readonly params: Arena;
  /** What its layers keep beside parameters. */
  readonly state: Arena;
  /** What its programs of training and evaluation compute behind the logits. */
  readonly loss: Loss;
  /** u32 [4]: step, seed, learning rate (as f32 bits), index of the first example of the batch (core/graph/step_data.ts). */
  readonly step: Tensor;
  /** f32 [4]: running sums of loss, errors, examples; the last is unused. */
  readonly metrics: Tensor;
  /** Is a parameter of this name trained? Absent: all are. */
  readonly isTrainable?: ((name: string) => boolean) | undefined;
  /** In mixed precision the buffer of the loss scale (core/device/loss_scale_buffer.ts); null: all is float32. */
  readonly lossScale: Tensor | null;
}

/**
 * A batch: the ops that produce it, images [batch, height, width, channels], and what the loss compares with: labels, u32
 * [batch], or targets, f32 [batch, outputs].
 */
export interface Batch {
  readonly ops: readonly Op[];
  readonly x: Tensor;
  readonly labels: Tensor;
}

/** Flattens [n, 1, 1, classes], which a network without global pooling ends with, to [n, classes]. */
function asLogits(y: Tensor): Tensor {
  return reshape(y, [y.shape[0]!, y.shape.at(-1)!]);
}

/** What the layers of a network read: its parameters and its state. */
export function valuesOf({ params, state }: Pick<BoundNetwork, "params" | "state">): Params {
  return { ...params.views, ...state.views };
}

/** The network as its programs run it. */
function runnable({ network, lossScale }: BoundNetwork): Layer {
  return lossScale === null ? network : halfLayer(network);
}

/** Loss and error of a batch into `metrics`, and where it is wanted the gradient. */
function lossOps({ loss, metrics }: BoundNetwork, logits: Tensor, labels: Tensor, gradient: LossGradient | null): Op[] {
  const batch = logits.shape[0]!, results = tensor("results", [batch, 4]);
  const { shape, dtype } = loss.target(logits.shape);
  if (dtype !== labels.dtype || String(shape) !== String(labels.shape)) {
    throw new Error(`The loss compares with ${dtype} [${shape}], the batch has ${labels.dtype} [${labels.shape}]`);
  }
  return [
    ...loss.ops(logits, labels, results, gradient),
    op(accumulateMetrics, { batch }, { label: "metrics", reads: [results], writes: [metrics] }),
  ];
}

/** Where the gradients of a step go: arenas that are laid out like the parameters. */
export interface Gradients {
  /** Of one pass. */
  readonly grads: Arena;
  /** Of a batch in parts, each a pass: their sum. Null where the batch is whole. */
  readonly sums: Arena | null;
}

/** The gradients that a step needs: of layers that have a trainable parameter. The others' need not be computed. */
function wantedGrads({ isTrainable }: BoundNetwork, views: Params): Params {
  if (isTrainable === undefined) return views;
  const layerOf = (name: string) => name.slice(0, name.lastIndexOf("/") + 1);
  const trained = new Set(Object.keys(views).filter(isTrainable).map(layerOf));
  return Object.fromEntries(Object.entries(views).filter(([name]) => trained.has(layerOf(name))));
}

/**
 * Forward, loss, backward for `batch`, which is all or a part of the step's `examples`; the gradients of a part are
 * added to the sums.
 */
export function gradientProgram(
  bound: BoundNetwork,
  batch: Batch,
  { grads, sums }: Gradients,
  examples: number,
): Program {
  const { step, lossScale } = bound;
  const { ops, y, pullback } = runnable(bound).forward(valuesOf(bound), batch.x, { mode: "train", step, path: "" });
  const logits = asLogits(y);
  const dlogits = tensor("dlogits", logits.shape);
  const want = { rule: "gradient", grads: wantedGrads(bound, grads.views), input: false, switches: true } as const;
  const backward = pullback(reshape(dlogits, y.shape), want);
  const added = (sums?.chunks ?? []).map((chunk, index) =>
    op(accumulate, { count: elements(chunk.shape) }, {
      label: `accumulate/${index}`,
      reads: [grads.chunks[index]!],
      writes: [chunk],
    })
  );
  const loss = lossOps(bound, logits, batch.labels, { dlogits, examples, lossScale });
  return { ops: [...batch.ops, ...ops, ...loss, ...backward.ops, ...added], keep: [] };
}

/**
 * The update of the parameters, after all parts of the batch; in mixed precision, unless a gradient overflowed. With
 * `clipNorm` the gradients' norm is clipped to it.
 */
export function updateProgram(
  { params, step, lossScale, isTrainable = () => true }: BoundNetwork,
  { grads, sums }: Gradients,
  { optimizer, moments, clipNorm = null, isWeight }: {
    readonly optimizer: Optimizer;
    readonly moments: Readonly<Record<string, Arena>>;
    readonly clipNorm?: number | null;
    /** Is a parameter of this name a weight, no bias or scale? */
    readonly isWeight: (name: string) => boolean;
  },
): Program {
  const all = sums ?? grads,
    context = { step, lossScale, clear: sums !== null },
    arenas = { params, grads: all, moments };
  const kindOf = (name: string) => optimizer.separates ? isWeight(name) ? "weights" : "others" : "all";
  const trained = partsOf(arenas, (name) => isTrainable(name) ? "all" : null);
  const update = [
    ...(clipNorm === null ? [] : clipNormOps(trained.map((part) => part.grads), clipNorm, lossScale)),
    ...partsOf(arenas, (name) => isTrainable(name) ? kindOf(name) : null).flatMap((part, index) =>
      optimizer.update(part, context).map((each) => ({ ...each, label: `${each.label}/${index}` }))
    ),
  ];
  if (lossScale === null) return { ops: update, keep: [] };
  const writes = [lossScale];
  const checks = all.chunks.map((chunk, index) =>
    op(checkFinite, { count: elements(chunk.shape) }, { label: `check/${index}`, reads: [chunk], writes })
  );
  return { ops: [...checks, ...update, op(updateScale, {}, { label: "scale", reads: [], writes })], keep: [] };
}

/** The forward pass for images `x`, dropout off. The logits can be read afterwards. */
export function forwardProgram(bound: BoundNetwork, x: Tensor): Program & { logits: Tensor } {
  const trace = { mode: "eval", step: bound.step, path: "" } as const;
  const { ops, y } = runnable(bound).forward(valuesOf(bound), x, trace);
  const logits = asLogits(y);
  return { ops, keep: [logits], logits };
}

/** One batch of evaluation: forward and loss, dropout off. The logits can be read afterwards. */
export function evalProgram(bound: BoundNetwork, batch: Batch): Program & { logits: Tensor } {
  const { ops, keep, logits } = forwardProgram(bound, batch.x);
  return { ops: [...batch.ops, ...ops, ...lossOps(bound, logits, batch.labels, null)], keep, logits };
}
