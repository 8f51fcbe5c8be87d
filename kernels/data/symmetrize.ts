/**
 * y = scale * (x + transpose(x)) / 2 + diagonal * I, for a square matrix of `side` rows. It keeps the iterates of
 * Newton-Schulz (data/whitening.ts) symmetric in spite of rounding. One thread per element.
 */
import { elementwise, f32 } from "../wgsl.ts";
import { FIXED, type Fixed, type Kernel, read, write } from "../kernel.ts";

/** The matrix, and what becomes of it. */
export interface SymmetrizeProblem {
  /** Rows, and columns. */
  readonly side: number;
  /** What the mean of x and its transpose is multiplied by. */
  readonly scale: number;
  /** What is added to the diagonal. */
  readonly diagonal: number;
}

/** Reads x [side, side], writes y [side, side]. */
export const symmetrize: Kernel<SymmetrizeProblem, Fixed> = {
  name: "symmetrize",
  tunings: () => FIXED,
  stages({ side, scale, diagonal }) {
    const shader = elementwise(
      side * side,
      `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;`,
      `  let row = i / ${side}u;
  let column = i % ${side}u;
  y[i] = ${f32(scale / 2)} * (x[i] + x[column * ${side}u + row]) + select(0.0, ${f32(diagonal)}, row == column);`,
    );
    return { scratch: [], dispatches: [{ shader, bindings: [read(0), write(0)] }] };
  },
  cost: ({ side }) => ({ flops: 3 * side * side, bytes: 8 * side * side }),
};
