/**
 * What an op does to each element of its first read, as data: so the kernel that makes that array can do it as it
 * stores, and the op goes (core/graph/fuse.ts).
 *
 *   relu      keeps an element where it is positive, and multiplies it by `slope` elsewhere
 *   dropout   keeps an element with probability 1 - rate and divides it by that; reads the step buffer too
 *   mask      multiplies by `scale` where its second read is positive, else by `scale * slope`: the backward pass of the
 *             ReLU, and of the dropout behind it, that produced this second read
 */

/** What decides an element's fate, beside seed and step. */
export interface Dropout {
  /** Probability of zeroing an element, in [0, 1). */
  readonly rate: number;
  /** Which layer draws: every dropout layer has its own stream of random numbers. */
  readonly stream: number;
  /** Elements of one example. */
  readonly perExample: number;
}

/** A ReLU: the factor of elements that are negative, 0 for the plain one. */
export interface Relu {
  /** In [0, 1). */
  readonly slope: number;
}

/** A factor by the sign of another element. */
export interface Mask {
  /** The factor where that is positive. */
  readonly scale: number;
  /** What `scale` is multiplied by elsewhere. */
  readonly slope: number;
}

/** What an op does to each element, of the things that kernels can absorb. */
export type Pointwise = { readonly relu: Relu } | { readonly dropout: Dropout } | { readonly mask: Mask };

/**
 * One op that does `first`, then `second`, whose second read is the result of `source`; null where there is none.
 * Behind a plain ReLU, an element of the dropped out y is positive exactly where it was kept and the ReLU let it pass,
 * so one mask serves both. For a leaky ReLU it is not.
 */
export function joined(first: Pointwise, second: Pointwise, source: Pointwise | null): Pointwise | null {
  if (!("dropout" in first && "mask" in second && source !== null && "dropout" in source)) return null;
  const { rate, stream } = first.dropout, { scale, slope } = second.mask;
  if (slope !== 0 || source.dropout.rate !== rate || source.dropout.stream !== stream) return null;
  return { mask: { scale: scale / (1 - rate), slope } };
}

/**
 * May `reader` read what `op` makes of its second read instead? A plain ReLU's mask may be dropped out, since the
 * gradient that it masks came through the same dropout and is 0 there.
 */
export const readsAfter = (op: Pointwise, reader: Pointwise | null): boolean =>
  "dropout" in op && reader !== null && "mask" in reader && reader.mask.slope === 0;
