import type { Kernel } from "../../kernels/kernel.ts";
import type { Tensor } from "./tensor.ts";

/** One use of a kernel: plain data, so that a program can be inspected, transformed and compared. */
export interface Op<Problem = unknown, Tuning = unknown> {
  /** "conv3/dw": shown in profiles and GPU debuggers, and the key under which a checkpoint records the tuning. */
  readonly label: string;
  /** What computes it. */
  readonly kernel: Kernel<Problem, Tuning>;
  /** The numbers that the kernel makes shaders of: shapes, strides and the like. */
  readonly problem: Problem;
  /** What it reads, in the kernel's order. */
  readonly reads: readonly Tensor[];
  /** What it writes, in the kernel's order. */
  readonly writes: readonly Tensor[];
}

/** Makes an op, and forgets the types of its problem and tuning: lists of ops are uniform. */
export function op<Problem, Tuning>(
  kernel: Kernel<Problem, Tuning>,
  problem: Problem,
  { label, reads, writes }: { label: string; reads: readonly Tensor[]; writes: readonly Tensor[] },
): Op {
  return { label, kernel: kernel as Kernel<unknown, unknown>, problem, reads, writes };
}
