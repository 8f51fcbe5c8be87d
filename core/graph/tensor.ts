/** Tensors are names for memory: immutable views of virtual buffers, which the memory plan maps to real ones. */

import type { FloatType } from "../../kernels/dtype.ts";

/** The type of a tensor's elements: floats of 4 or 2 bytes, or unsigned integers of 4. */
export type DType = FloatType | "u32";

const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, u32: 4 };

/** Activations are [batch, height, width, channels]; weights are [kernel height, kernel width, in, out]. */
export type Shape = readonly number[];

/**
 * A name for memory; identity is the object itself. A transient buffer lives from its first write to its last read
 * within one program and shares memory with others; a persistent one keeps its contents between runs.
 */
export interface VirtualBuffer {
  /** Shown in messages and by GPU debuggers. */
  readonly label: string;
  /** Its size. */
  readonly bytes: number;
  /** Does it keep its contents between runs? */
  readonly lifetime: "transient" | "persistent";
}

/** A view of `buffer` that starts `offset` bytes into it (a multiple of 256). */
export interface Tensor {
  /** The memory it is a view of. */
  readonly buffer: VirtualBuffer;
  /** Bytes from the start of the buffer, a multiple of 256. */
  readonly offset: number;
  /** Its sizes, the slowest one first: activations are [batch, height, width, channels]. */
  readonly shape: Shape;
  /** The type of its elements. */
  readonly dtype: DType;
}

/**
 * Number of elements of a shape.
 *
 * @example
 * ```ts
 * console.log(elements([3, 3, 1, 8])); // 72
 * ```
 */
export function elements(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes of a tensor, up to a multiple of 4, which bindings and copies need. */
export function bytesOf({ shape, dtype }: Pick<Tensor, "shape" | "dtype">): number {
  return Math.ceil(BYTES[dtype] * elements(shape) / 4) * 4;
}

/**
 * A new tensor with a buffer of its own; no memory is allocated before a program with it is compiled.
 *
 * @example
 * ```ts
 * const x = tensor("x", [32, 8, 8, 1]), kept = tensor("kept", [8], { lifetime: "persistent" });
 * console.log(x.buffer.bytes, kept.buffer.lifetime); // 8192 persistent
 * ```
 */
export function tensor(
  label: string,
  shape: Shape,
  { dtype = "f32", lifetime = "transient" }: { dtype?: DType; lifetime?: VirtualBuffer["lifetime"] } = {},
): Tensor {
  return { buffer: { label, bytes: bytesOf({ shape, dtype }), lifetime }, offset: 0, shape, dtype };
}

/** What the problem of a kernel says of an operand in half precision: `dtype: "f16"`; of any other, nothing. */
export function dtypeOf({ dtype }: Pick<Tensor, "dtype">): { readonly dtype?: FloatType } {
  return dtype === "f16" ? { dtype } : {};
}

/** The same memory under another shape of as many elements. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return { ...x, shape };
}
