/** Optimizers: how gradients update parameters. What makes the gradients of a step what they are, is around them (program.ts). */
import type { UpdateKernel } from "../../kernels/train/update_kernel.ts";
import type { Arena } from "./arena.ts";
import { type Op, op } from "./op.ts";
import { elements, type Tensor } from "./tensor.ts";

/** Some of the parameters, with their gradients and the optimizer's moments of them: flat tensors of one length. */
export interface Part {
  readonly params: Tensor;
  readonly grads: Tensor;
  /** By the names of `Optimizer.moments`. */
  readonly moments: Readonly<Record<string, Tensor>>;
}

/** What an update knows beside the parameters. */
export interface UpdateContext {
  readonly step: Tensor;
  /** The loss scale that the gradients are multiplied by (core/device/loss_scale_buffer.ts); null: they are as they are. */
  readonly lossScale: Tensor | null;
  /** Set the gradients to 0 afterwards? */
  readonly clear: boolean;
}

/** Pure: names its moments, and returns the ops that update a part of the parameters, and their moments, in place. */
export interface Optimizer {
  /** Names of the arenas that it keeps beside the parameters, each laid out like them, 0 at first. */
  readonly moments: readonly string[];
  update(part: Part, context: UpdateContext): readonly Op[];
}

/** The parts that are updated alike: today all parameters are, so a part is a chunk. */
export function partsOf(params: Arena, grads: Arena, moments: Readonly<Record<string, Arena>>): Part[] {
  return params.chunks.map((chunk, index) => ({
    params: chunk,
    grads: grads.chunks[index]!,
    moments: Object.fromEntries(Object.entries(moments).map(([name, { chunks }]) => [name, chunks[index]!])),
  }));
}

/** The optimizer of a kernel that updates each element on its own. */
export function elementwiseOptimizer<Constants>(kernel: UpdateKernel<Constants>, constants: Constants): Optimizer {
  return {
    moments: kernel.moments,
    update({ params, grads, moments }, { step, lossScale, clear }) {
      const updated = [params, ...kernel.moments.map((name) => moments[name]!)], reads = clear ? [step] : [grads, step];
      const scaled = lossScale === null ? {} : { scaled: true } as const;
      return [op(kernel, { count: elements(params.shape), ...constants, clear, ...scaled }, {
        label: kernel.name,
        reads: lossScale === null ? reads : [...reads, lossScale],
        writes: clear ? [...updated, grads] : updated,
      })];
    },
  };
}
