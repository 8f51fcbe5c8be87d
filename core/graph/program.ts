/** Programs: what one run of the GPU does, as a static list of ops. */
import { accumulate } from "../../kernels/train/accumulate.ts";
import { checkFinite, updateScale } from "../../kernels/train/loss_scale.ts";
import { accumulateMetrics, softmaxCrossEntropy } from "../../kernels/train/softmax_cross_entropy.ts";
import type { Arena } from "./arena.ts";
import { clipNormOps } from "./clip_ops.ts";
import { halfLayer } from "./half_layer.ts";
import type { Layer } from "./layer.ts";
import { type Op, op } from "./op.ts";
import type { Optimizer } from "./optimizer.ts";
import { elements, reshape, type Tensor, tensor } from "./tensor.ts";

/** What one run of the GPU does. */
export interface Program {
  readonly ops: readonly Op[];
  /** Tensors that must still hold their values when the program has run. */
  readonly keep: readonly Tensor[];
}

/** A network bound to the persistent tensors that its programs share. */
export interface BoundNetwork {
  readonly network: Layer;
  readonly params: Arena;
  /** u32 [4]: step, seed, learning rate (as f32 bits), index of the first example of the batch (core/graph/step_data.ts). */
  readonly step: Tensor;
  /** f32 [4]: running sums of loss, errors, examples; the last is unused. */
  readonly metrics: Tensor;
  /** In mixed precision the buffer of the loss scale (core/device/loss_scale_buffer.ts); null: all is float32. */
  readonly lossScale: Tensor | null;
}

/** A batch: the ops that produce it, images [batch, height, width, channels], labels u32 [batch]. */
export interface Batch {
  readonly ops: readonly Op[];
  readonly x: Tensor;
  readonly labels: Tensor;
}

/** Flattens [n, 1, 1, classes], which a network without global pooling ends with, to [n, classes]. */
function asLogits(y: Tensor): Tensor {
  return reshape(y, [y.shape[0]!, y.shape.at(-1)!]);
}

/** The network as its programs run it. */
function runnable({ network, lossScale }: BoundNetwork): Layer {
  return lossScale === null ? network : halfLayer(network);
}

/** Loss and error into `metrics`, and where it is wanted the gradient of the mean loss of `examples`. */
function lossOps(
  logits: Tensor,
  labels: Tensor,
  metrics: Tensor,
  gradient: { readonly dlogits: Tensor; readonly examples: number; readonly lossScale: Tensor | null } | null,
): Op[] {
  const [batch, classes] = logits.shape as [number, number];
  const results = tensor("results", [batch, 4]), lossScale = gradient?.lossScale ?? null;
  const scaled = lossScale === null ? {} : { scaled: true } as const;
  return [
    op(softmaxCrossEntropy, { batch, classes, gradient: gradient && { examples: gradient.examples, ...scaled } }, {
      label: "loss",
      reads: lossScale === null ? [logits, labels] : [logits, labels, lossScale],
      writes: gradient === null ? [results] : [results, gradient.dlogits],
    }),
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
  const { params, step, metrics, lossScale } = bound;
  const { ops, y, pullback } = runnable(bound).forward(params.views, batch.x, { mode: "train", step });
  const logits = asLogits(y);
  const dlogits = tensor("dlogits", logits.shape);
  const want = { rule: "gradient", grads: grads.views, input: false, switches: true } as const;
  const backward = pullback(reshape(dlogits, y.shape), want);
  const added = (sums?.chunks ?? []).map((chunk, index) =>
    op(accumulate, { count: elements(chunk.shape) }, {
      label: `accumulate/${index}`,
      reads: [grads.chunks[index]!],
      writes: [chunk],
    })
  );
  const loss = lossOps(logits, batch.labels, metrics, { dlogits, examples, lossScale });
  return { ops: [...batch.ops, ...ops, ...loss, ...backward.ops, ...added], keep: [] };
}

/**
 * The update of the parameters, after all parts of the batch; in mixed precision, unless a gradient overflowed. With
 * `clipNorm` the gradients' norm is clipped to it.
 */
export function updateProgram(
  { params, step, lossScale }: BoundNetwork,
  { grads, sums }: Gradients,
  optimizer: Optimizer,
  state: Readonly<Record<string, Arena>>,
  clipNorm: number | null = null,
): Program {
  const all = sums ?? grads;
  const update = [
    ...(clipNorm === null ? [] : clipNormOps(all, clipNorm, lossScale)),
    ...optimizer.update({ params, grads: all, state, step, lossScale, clear: sums !== null }),
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
  const { params, step } = bound, { ops, y } = runnable(bound).forward(params.views, x, { mode: "eval", step });
  const logits = asLogits(y);
  return { ops, keep: [logits], logits };
}

/** One batch of evaluation: forward and loss, dropout off. The logits can be read afterwards. */
export function evalProgram(bound: BoundNetwork, batch: Batch): Program & { logits: Tensor } {
  const { ops, keep, logits } = forwardProgram(bound, batch.x);
  return { ops: [...batch.ops, ...ops, ...lossOps(logits, batch.labels, bound.metrics, null)], keep, logits };
}
