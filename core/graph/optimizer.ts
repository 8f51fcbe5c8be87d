import { sgdUpdate } from "../../kernels/train/sgd.ts";
import type { Arena } from "./arena.ts";
import { type Op, op } from "./op.ts";
import { elements, type Tensor } from "./tensor.ts";

/** Pure: names the arenas of its state, and returns the ops that update parameters and state in place. */
export interface Optimizer {
  /** Names of the arenas it keeps beside the parameters, each laid out like them. */
  readonly state: readonly string[];
  update(args: {
    readonly params: Arena;
    readonly grads: Arena;
    readonly state: Readonly<Record<string, Arena>>;
    readonly step: Tensor;
    /** The loss scale that the gradients are multiplied by (core/device/loss_scale_buffer.ts); null: they are as they are. */
    readonly lossScale: Tensor | null;
    /** Set the gradients to 0 afterwards? */
    readonly clear: boolean;
  }): readonly Op[];
}

/** Stochastic gradient descent with momentum; weight decay on weights and biases (paper 3.2; kernels/train/sgd.ts). */
export function sgd({ momentum, weightDecay }: { momentum: number; weightDecay: number }): Optimizer {
  return {
    state: ["velocity"],
    update: ({ params, grads, state, step, lossScale, clear }) =>
      params.chunks.map((chunk, index) => {
        const gradient = grads.chunks[index]!, updated = [chunk, state["velocity"]!.chunks[index]!];
        const scaled = lossScale === null ? {} : { scaled: true } as const, reads = clear ? [step] : [gradient, step];
        return op(sgdUpdate, { count: elements(chunk.shape), momentum, weightDecay, clear, ...scaled }, {
          label: `sgd/${index}`,
          reads: lossScale === null ? reads : [...reads, lossScale],
          writes: clear ? [...updated, gradient] : updated,
        });
      }),
  };
}
