/** Programs: what one run of the GPU does, as a static list of ops. */
import { accumulateMetrics, softmaxCrossEntropy } from "../kernels/softmax_cross_entropy.ts";
import type { Arena } from "./arena.ts";
import type { Layer } from "./layer.ts";
import { type Op, op } from "./op.ts";
import type { Optimizer } from "./optimizer.ts";
import { reshape, type Tensor, tensor } from "./tensor.ts";

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
  /** u32 [4]: step, seed, learning rate (as f32 bits), index of the first example of the batch (core/step.ts). */
  readonly step: Tensor;
  /** f32 [4]: running sums of loss, errors, examples; the last is unused. */
  readonly metrics: Tensor;
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

function lossOps(logits: Tensor, labels: Tensor, metrics: Tensor, dlogits: Tensor | null): Op[] {
  const [batch, classes] = logits.shape as [number, number];
  const results = tensor("results", [batch, 4]);
  return [
    op(softmaxCrossEntropy, { batch, classes, gradient: dlogits !== null }, {
      label: "loss",
      reads: [logits, labels],
      writes: dlogits === null ? [results] : [results, dlogits],
    }),
    op(accumulateMetrics, { batch }, { label: "metrics", reads: [results], writes: [metrics] }),
  ];
}

/** One step of training: forward, loss, backward, update. `grads` is laid out like the parameters. */
export function trainProgram(
  { network, params, step, metrics }: BoundNetwork,
  batch: Batch,
  { optimizer, grads, state }: {
    readonly optimizer: Optimizer;
    readonly grads: Arena;
    readonly state: Readonly<Record<string, Arena>>;
  },
): Program {
  const { ops, y, pullback } = network.forward(params.views, batch.x, { mode: "train", step });
  const logits = asLogits(y);
  const dlogits = tensor("dlogits", logits.shape);
  const backward = pullback(reshape(dlogits, y.shape), { rule: "gradient", grads: grads.views, input: false });
  return {
    ops: [
      ...batch.ops,
      ...ops,
      ...lossOps(logits, batch.labels, metrics, dlogits),
      ...backward.ops,
      ...optimizer.update({ params, grads, state, step }),
    ],
    keep: [],
  };
}

/** The forward pass for images `x`, dropout off. The logits can be read afterwards. */
export function forwardProgram({ network, params, step }: BoundNetwork, x: Tensor): Program & { logits: Tensor } {
  const { ops, y } = network.forward(params.views, x, { mode: "eval", step });
  const logits = asLogits(y);
  return { ops, keep: [logits], logits };
}

/** One batch of evaluation: forward and loss, dropout off. The logits can be read afterwards. */
export function evalProgram(bound: BoundNetwork, batch: Batch): Program & { logits: Tensor } {
  const { ops, keep, logits } = forwardProgram(bound, batch.x);
  return { ops: [...batch.ops, ...ops, ...lossOps(logits, batch.labels, bound.metrics, null)], keep, logits };
}
