/** Optimizers: how gradients update parameters. What makes the gradients of a step what they are, is around them (program.ts). */
import type { UpdateKernel } from "../../kernels/train/update_kernel.ts";
import type { Arena } from "./arena.ts";
import { type Op, op } from "./op.ts";
import { elements, type Tensor } from "./tensor.ts";

/** Some of the parameters, with their gradients and the optimizer's moments of them: flat tensors of one length. */
export interface Part {
  /** What is updated, in place. */
  readonly params: Tensor;
  /** The gradients of them. */
  readonly grads: Tensor;
  /** By the names of `Optimizer.moments`. */
  readonly moments: Readonly<Record<string, Tensor>>;
  /** Of an optimizer that `separates`: weights, which are drawn, or the others, as biases and scales; else "all". */
  readonly kind: PartKind;
}

/** Which parameters a part has. */
export type PartKind = "all" | "weights" | "others";

/** What an update knows beside the parameters. */
export interface UpdateContext {
  /** u32 [4]: step, seed, learning rate as bits of f32, index of the batch's first example. */
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
  /** Does it update weights otherwise than biases and scales? Then they come in parts of their own. */
  readonly separates?: boolean;
  /** The ops that update one part. */
  update(part: Part, context: UpdateContext): readonly Op[];
}

/**
 * The parts of parameters that are updated alike: a chunk, or where `kindOf` says different things of its parameters, each
 * run of neighbours of one kind, which has a binding of its own. Those of kind null are left out.
 */
export function partsOf(
  { params, grads, moments }: {
    readonly params: Arena;
    readonly grads: Arena;
    readonly moments: Readonly<Record<string, Arena>>;
  },
  kindOf: (name: string) => PartKind | null = () => "all",
): Part[] {
  return runsOf(params, kindOf).map(({ chunk, offset, count, kind }) => {
    const part = ({ chunks }: Arena): Tensor => ({ ...chunks[chunk]!, offset, shape: [count] });
    const ofMoments = Object.entries(moments).map(([name, arena]): [string, Tensor] => [name, part(arena)]);
    return { params: part(params), grads: part(grads), moments: Object.fromEntries(ofMoments), kind };
  });
}

interface Run {
  readonly chunk: number;
  /** Bytes. */
  readonly offset: number;
  readonly count: number;
  readonly kind: PartKind;
}

/** Neighbours of one kind in an arena, whose views lie one after the other; padding belongs to what it follows. */
export function runsOf<Kind extends PartKind>({ chunks, views }: Arena, kindOf: (name: string) => Kind | null): Run[] {
  const all = Object.entries(views);
  return chunks.flatMap((chunk, index) => {
    const inside = all.filter(([, { buffer }]) => buffer === chunk.buffer);
    const kinds = inside.map(([name]) => kindOf(name)), starts = inside.map(([, { offset }]) => offset);
    const firsts = kinds.flatMap((kind, i) => i === 0 || kind !== kinds[i - 1] ? [i] : []);
    return firsts.flatMap((first, n): Run[] => {
      const offset = starts[first]!, next = firsts[n + 1], kind = kinds[first]!;
      const end = next === undefined ? 4 * elements(chunk.shape) : starts[next]!;
      return kind === null ? [] : [{ chunk: index, offset, count: (end - offset) / 4, kind }];
    });
  });
}

/** The optimizer of a kernel that updates each element on its own; biases and scales by other constants, if there are such. */
export function elementwiseOptimizer<Constants>(
  kernel: UpdateKernel<Constants>,
  ofWeights: Constants,
  ofOthers: Constants | null = null,
): Optimizer {
  return {
    moments: kernel.moments,
    separates: ofOthers !== null,
    update({ params, grads, moments, kind }, { step, lossScale, clear }) {
      const constants = kind === "others" && ofOthers !== null ? ofOthers : ofWeights;
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
